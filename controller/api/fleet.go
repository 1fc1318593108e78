package api

import (
	"encoding/json"
	"net/http"

	"github.com/squadron-edge/squadron/controller/repository"
	"github.com/squadron-edge/squadron/controller/rollout"
	"github.com/squadron-edge/squadron/controller/store"
	"github.com/squadron-edge/squadron/deploy/wire"
)

func (h *handler) rollouts(w http.ResponseWriter, r *http.Request) error {
	list, err := h.newest(r)
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, list)
}

// newest lists rollouts for those who look for one.
func (h *handler) newest(r *http.Request) ([]Rollout, error) {
	list := []Rollout{}
	err := h.Store.Rollouts(r.Context(), maxRollouts, func(s rollout.State) { list = append(list, ListedRollout(s)) })
	return list, err
}

func (h *handler) rollout(w http.ResponseWriter, r *http.Request) error {
	s, err := h.Store.Rollout(r.Context(), wire.RolloutID(r.PathValue("id")))
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, RolloutOf(s))
}

func (h *handler) startRollout(w http.ResponseWriter, r *http.Request) error {
	var ask StartRollout
	if err := read(w, r, &ask); err != nil {
		return err
	}
	s, err := h.Orders.Start(r.Context(), ask, who(r))
	return answerRollout(w, http.StatusCreated, s, err)
}

func (h *handler) abortRollout(w http.ResponseWriter, r *http.Request) error {
	s, err := h.Orders.Abort(r.Context(), wire.RolloutID(r.PathValue("id")), who(r))
	return answerRollout(w, http.StatusOK, s, err)
}

func answerRollout(w http.ResponseWriter, status int, s rollout.State, err error) error {
	if err != nil {
		return err
	}
	return write(w, status, RolloutOf(s))
}

func (h *handler) devices(w http.ResponseWriter, r *http.Request) error {
	list, err := h.Store.Devices(r.Context())
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, each(list, h.deviceOf))
}

// deviceOf is a device with what is known beside the database.
func (h *handler) deviceOf(d store.Device) Device {
	shown := DeviceOf(d)
	if h.Contested != nil {
		shown.Contested = h.Contested(d.Device)
	}
	return shown
}

func (h *handler) device(w http.ResponseWriter, r *http.Request) error {
	d, err := h.find(r)
	if err != nil {
		return err
	}
	events, err := h.Store.Events(r.Context(), d.Device, maxEvents)
	if err != nil {
		return err
	}
	shown := h.deviceOf(d)
	shown.Events = events
	return write(w, http.StatusOK, shown)
}

// removeDevice forgets a device that is not there any more.
func (h *handler) removeDevice(w http.ResponseWriter, r *http.Request) error {
	name, err := deviceIn(r)
	if err != nil {
		return err
	}
	d, err := h.Orders.RemoveDevice(r.Context(), name, who(r))
	if err != nil {
		return err
	}
	h.Log.Info("device removed", "device", name.String())
	return write(w, http.StatusOK, DeviceOf(d))
}

// overruleDevice orders a device as the database says, whatever newer order it
// holds.
func (h *handler) overruleDevice(w http.ResponseWriter, r *http.Request) error {
	name, err := deviceIn(r)
	if err != nil {
		return err
	}
	d, err := h.Orders.Overrule(r.Context(), name, who(r))
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, h.deviceOf(d))
}

func (h *handler) desired(w http.ResponseWriter, r *http.Request) error {
	d, err := h.find(r)
	if err != nil {
		return err
	}
	if d.Withheld != "" {
		return Refuse(http.StatusConflict, "device %s is given no order: it %s", d.Device, d.Withheld)
	}
	if d.Desired == nil {
		return Refuse(http.StatusNotFound, "device %s has no order yet", d.Device)
	}
	b, err := SignOrder(h.Repository, d.Device, *d.Desired)
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, json.RawMessage(b))
}

// SignOrder makes the envelope of a device's order, on whatever way it travels.
func SignOrder(key *repository.Repository, d wire.Device, order wire.Desired) ([]byte, error) {
	order.Site, order.Device = d.Site, d.ID
	payload, err := wire.Encode(order)
	if err != nil {
		return nil, err
	}
	return key.SignOrder(payload)
}

func (h *handler) find(r *http.Request) (store.Device, error) {
	name, err := deviceIn(r)
	if err != nil {
		return store.Device{}, err
	}
	return h.Store.Device(r.Context(), name)
}

func deviceIn(r *http.Request) (wire.Device, error) {
	name := wire.Device{Site: wire.SiteID(r.PathValue("site")), ID: wire.DeviceID(r.PathValue("device"))}
	if err := name.Validate(); err != nil {
		return name, Refuse(http.StatusNotFound, "there is no such device: %v", err)
	}
	return name, nil
}

func (h *handler) audit(w http.ResponseWriter, r *http.Request) error {
	list, err := h.Store.AuditLog(r.Context(), maxEntries)
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, each(list, func(e store.Entry) AuditEntry { return AuditEntry(e) }))
}

// each shows every element of a list; an empty one is [] in JSON, not null.
func each[A, B any](list []A, show func(A) B) []B {
	shown := make([]B, len(list))
	for i, a := range list {
		shown[i] = show(a)
	}
	return shown
}
