// Package api is the controller's HTTP side: what operators, devices and the
// page ask for, and the client that operators' programs use.
//
// It owns the routes, the JSON of their answers, who may call what, and the
// live stream. It refuses to decide: orders go to Orders, bundles to the
// registry, and everything that is only read comes from the store.
//
// Answers are JSON; an error is {"error": "one plain sentence"} with a status
// of 4xx if the caller can mend it and 5xx if the controller has to. The same
// routes stand in the OpenAPI document at /v1/openapi.json.
//
// Whoever reaches the port may read. A call that changes something needs the
// operator's token; without a token configured, it must name this machine by a
// loopback address, so that no web page can make a browser send it by means of
// a name that it controls.
//
//	h := api.New(api.Config{Store: st, Registry: reg, Orders: fleet, Live: live, Page: web.Handler()})
//	http.Serve(listener, h)
//
//	c := api.NewClient("http://127.0.0.1:8080", token, "ada")
//	r, err := c.StartRollout(ctx, api.StartRollout{Model: "meter-reader", Version: "2.0.0", Waves: []string{"1", "100%"}})
package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/squadron-edge/squadron/controller/bucket"
	"github.com/squadron-edge/squadron/controller/registry"
	"github.com/squadron-edge/squadron/controller/repository"
	"github.com/squadron-edge/squadron/controller/rollout"
	"github.com/squadron-edge/squadron/controller/store"
	"github.com/squadron-edge/squadron/deploy/strictjson"
	"github.com/squadron-edge/squadron/deploy/wire"
)

// Bounds on what a caller may send.
const (
	maxJSON   = 64 << 10         // bytes of a request's body
	maxBundle = 16 << 30         // bytes of a bundle file
	maxIdle   = time.Minute      // between two reads of an upload
	maxBody   = 10 * time.Second // for a body that is no bundle
	maxDrain  = 1 << 30          // bytes read past a refusal, so that the sentence arrives
	maxEvents = 50               // events in one device's answer
	// Rollouts and lines of the audit log in one answer. Each rollout is read with
	// all its devices, to be counted.
	maxRollouts = 20
	maxEntries  = 200
)

// Orders is who decides about rollouts, and what they need. A refusal is a
// *RefusedError.
type Orders interface {
	Start(ctx context.Context, r StartRollout, who string) (rollout.State, error)
	Abort(ctx context.Context, id wire.RolloutID, who string) (rollout.State, error)
	RemoveBundle(ctx context.Context, name, version, who string) (store.Bundle, error)
	RemoveDevice(ctx context.Context, d wire.Device, who string) (store.Device, error)
	// Overrule orders a device as the database says that is given no order.
	Overrule(ctx context.Context, d wire.Device, who string) (store.Device, error)
	// Reconsider looks again at the devices that are given no order, once something
	// was published or trust has changed.
	Reconsider(ctx context.Context) error
}

// Config is what the handler stands on.
type Config struct {
	Store    *store.Store
	Registry *registry.Registry
	// Bucket holds what the registry holds; nil means none.
	Bucket *bucket.Bucket
	// Repository is what devices judge by.
	Repository *repository.Repository
	Orders     Orders
	Live       *Live
	// Contested says who contends for a device's name, if anybody; nil means nobody.
	Contested func(wire.Device) string
	// Page answers everything outside /v1/ and /healthz; nil means no page.
	Page http.Handler
	// Budgets bound what the devices of each site download from here.
	Budgets SiteBudgets
	// Token is the operator's; empty lets anybody on this machine change things.
	Token string
	Log   *slog.Logger
}

// handler is the API with what it stands on.
type handler struct {
	Config
	budgets *budgets
}

// route is one method and path of the API.
type route struct {
	method, path string
	changes      bool // needs the operator
	serve        func(http.ResponseWriter, *http.Request) error
}

func (h *handler) routes() []route {
	return []route{
		{"GET", "/healthz", false, h.health},
		{"GET", "/v1/openapi.json", false, h.openAPI},
		{"GET", "/v1/artefacts/sha256/{hex}", false, h.artefact},
		{"GET", "/v1/artefacts/sha256/{hex}/from/{base}", false, h.delta},
		{"PUT", "/v1/artefacts/sha256/{hex}/from/{base}", true, h.putDelta},
		{"GET", "/v1/s3/sha256/{hex}", false, h.inBucket},
		{"GET", "/v1/s3/sha256/{hex}/from/{base}", false, h.noDelta},
		{"GET", "/v1/tuf/{file}", false, h.metadata},
		{"PUT", "/v1/tuf/{file}", true, h.putMetadata},
		{"GET", "/v1/roles/{model}/{version}", false, h.role},
		{"GET", "/v1/bundles", false, h.bundles},
		{"POST", "/v1/bundles", true, h.publish},
		{"DELETE", "/v1/bundles/{name}/{version}", true, h.removeBundle},
		{"GET", "/v1/rollouts", false, h.rollouts},
		{"POST", "/v1/rollouts", true, h.startRollout},
		{"GET", "/v1/rollouts/{id}", false, h.rollout},
		{"POST", "/v1/rollouts/{id}/abort", true, h.abortRollout},
		{"GET", "/v1/devices", false, h.devices},
		{"GET", "/v1/devices/{site}/{device}", false, h.device},
		{"DELETE", "/v1/devices/{site}/{device}", true, h.removeDevice},
		{"GET", "/v1/devices/{site}/{device}/desired", false, h.desired},
		{"POST", "/v1/devices/{site}/{device}/overrule", true, h.overruleDevice},
		{"GET", "/v1/audit", false, h.audit},
		{"GET", "/v1/live", false, h.live},
	}
}

// New is the whole HTTP side as one handler.
func New(c Config) http.Handler {
	h := &handler{c, newBudgets(c.Budgets)}
	mux := http.NewServeMux()
	for _, r := range h.routes() {
		mux.HandleFunc(r.method+" "+r.path, h.handle(r))
	}
	mux.HandleFunc("/v1/", h.handle(route{serve: nowhere}))
	if h.Page != nil {
		mux.Handle("/", h.Page)
	}
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(h.handle(route{serve: foreign}))
	return timely(protection.Handler(mux))
}

// timely gives a request's body its time, whether or not anybody reads it. Who
// takes longer bodies, from a caller that was admitted, extends it.
func timely(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength != 0 {
			// Where no deadline can be set, as in a test without a connection, nobody waits.
			err := http.NewResponseController(w).SetReadDeadline(time.Now().Add(maxBody))
			if err != nil && !errors.Is(err, http.ErrNotSupported) {
				return // the caller is gone
			}
		}
		next.ServeHTTP(w, r)
	})
}

// handle checks the caller, and makes an error of a route its answer.
func (h *handler) handle(r route) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		var err error
		if r.changes {
			err = h.admit(w, req)
		}
		if err == nil {
			err = r.serve(w, req)
		}
		if err != nil {
			h.fail(w, req, err)
		}
	}
}

// fail answers with the sentence of an error. What is not the caller's to mend
// is the controller's to log.
func (h *handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	status := statusOf(err)
	var refused *RefusedError
	if errors.As(err, &refused) {
		h.Log.Info("refused", "method", r.Method, "path", r.URL.Path, "why", refused.Why)
	} else if status >= 500 && r.Context().Err() == nil {
		h.Log.Error("request failed", "method", r.Method, "path", r.URL.Path, "error", err)
	}
	if err := write(w, status, errorBody{err.Error()}); err != nil {
		h.Log.Debug("answer not sent", "path", r.URL.Path, "error", err)
	}
}

func statusOf(err error) int {
	var refused *RefusedError
	var tooLong *http.MaxBytesError
	switch {
	case errors.As(err, &refused):
		return refused.Status
	case errors.As(err, &tooLong):
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, os.ErrDeadlineExceeded):
		return http.StatusRequestTimeout
	case errors.Is(err, store.ErrNotFound):
		return http.StatusNotFound
	case errors.Is(err, registry.ErrConflict), errors.Is(err, repository.ErrOutdated):
		return http.StatusConflict
	case errors.Is(err, registry.ErrRefused), errors.Is(err, registry.ErrDeltaRefused), errors.Is(err, repository.ErrRefused):
		return http.StatusUnprocessableEntity
	}
	return http.StatusInternalServerError
}

type errorBody struct {
	Error string `json:"error"`
}

// write sends an answer; its error is that the caller is gone.
func write(w http.ResponseWriter, status int, body any) error {
	b, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	if _, err := w.Write(append(b, '\n')); err != nil {
		return fmt.Errorf("send answer: %w", err)
	}
	return nil
}

// read takes a request's body, strictly.
func read(w http.ResponseWriter, r *http.Request, into any) error {
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxJSON))
	if err != nil {
		return fmt.Errorf("read the request's body: %w", err)
	}
	if err := strictjson.Decode(b, into); err != nil {
		return Refuse(http.StatusBadRequest, "the request's body: %v", err)
	}
	return nil
}

func foreign(http.ResponseWriter, *http.Request) error {
	return Refuse(http.StatusForbidden, "a page of another site sent this call, and may not")
}

func nowhere(_ http.ResponseWriter, r *http.Request) error {
	return Refuse(http.StatusNotFound, "there is no %s %s; /v1/openapi.json lists what there is", r.Method, r.URL.Path)
}

func (h *handler) health(w http.ResponseWriter, r *http.Request) error {
	if _, err := h.Store.AuditLog(r.Context(), 1); err != nil {
		return err
	}
	return write(w, http.StatusOK, struct {
		OK bool `json:"ok"`
	}{true})
}
