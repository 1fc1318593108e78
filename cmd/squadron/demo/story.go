package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/squadron-edge/squadron/cmd/squadron/home"
	"github.com/squadron-edge/squadron/cmd/squadron/pack"
	"github.com/squadron-edge/squadron/controller/api"
	"github.com/squadron-edge/squadron/controller/rollout"
	"github.com/squadron-edge/squadron/deploy/wire"
)

// story is the way of three releases, and what each step must come to.
type story struct {
	*narrator
	fleet  *fleet
	client *api.Client
	heard  map[wire.Device]time.Time // newest event told of each device
}

func newStory(n *narrator, f *fleet) *story {
	return &story{narrator: n, fleet: f, client: api.NewClient(f.url(), "", "the demo"), heard: map[wire.Device]time.Time{}}
}

// tell goes through the chapters.
func (s *story) tell(ctx context.Context) error {
	s.begin("fleet", "A controller and three devices start, each with a folder of its own.")
	if err := s.awaitFleet(ctx); err != nil {
		return err
	}
	early, err := s.firstRelease(ctx)
	if err != nil {
		return err
	}
	meters, err := s.fleet.readMeters(ctx)
	if err != nil {
		return err
	}
	good, err := s.betterRelease(ctx, early)
	if err == nil {
		err = s.damagedRelease(ctx, good)
	}
	meters.stop()
	if err != nil {
		return err
	}
	answers, failures, last := meters.count()
	if failures > 0 || answers == 0 {
		return fmt.Errorf("%d of %d readings failed while releases changed, the last with: %s", failures, answers+failures, last)
	}
	s.say(map[string]int64{"answers": answers, "failures": failures},
		"Meanwhile the three devices were asked for a reading ten times a second each: %d answers, none failed.", answers)
	s.say(map[string]float64{Early: early, Good: good}, "The story came out as told.")
	return nil
}

// awaitFleet waits until the controller has heard of every device.
func (s *story) awaitFleet(ctx context.Context) error {
	s.say(nil, "Controller at %s, broker at %s.", s.fleet.url(), s.fleet.brokerURL())
	for _, name := range s.fleet.devices() {
		var d api.Device
		err := s.until(ctx, name.String()+" to report", func() (bool, error) {
			var err error
			d, err = s.client.Device(ctx, name)
			var refused *api.RefusedError
			if errors.As(err, &refused) {
				return false, nil // not heard of yet
			}
			return err == nil && d.Online && d.Info != nil && d.State != nil, err
		})
		if err != nil {
			return err
		}
		s.say(nil, "%s is online: %s, %d MiB, serves at %s.", name, d.Info.Arch, d.Info.MemoryMiB, d.Info.Serve)
	}
	return nil
}

// firstRelease rolls 1.0.0 out and reads the pictures with it.
func (s *story) firstRelease(ctx context.Context) (float64, error) {
	s.begin("release "+Early, Name+" "+Early+", trained for a moment, goes to the whole fleet.")
	if err := s.publish(ctx, Early, false); err != nil {
		return 0, err
	}
	if err := s.rollOutTo(ctx, Early, "100%"); err != nil {
		return 0, err
	}
	if err := s.tellEngine(ctx); err != nil {
		return 0, err
	}
	return s.readPictures(ctx, Early)
}

// tellEngine says what the first device runs the model on, and why.
func (s *story) tellEngine(ctx context.Context) error {
	d, err := s.client.Device(ctx, s.fleet.devices()[0])
	if err != nil {
		return err
	}
	for _, m := range d.State.Models {
		s.say(map[string]string{"engine": m.Engine, "engine_why": m.EngineWhy}, "On %s, %s.", d.Device, m.EngineWhy)
	}
	return nil
}

// betterRelease rolls 2.0.0 out in waves and sees the accuracy rise.
func (s *story) betterRelease(ctx context.Context, early float64) (float64, error) {
	s.begin("release "+Good, Name+" "+Good+", trained to the end, goes out in waves: one device, half of them, all.")
	if err := s.publish(ctx, Good, false); err != nil {
		return 0, err
	}
	if err := s.rollOutTo(ctx, Good, "1", "50%", "100%"); err != nil {
		return 0, err
	}
	good, err := s.readPictures(ctx, Good)
	if err != nil {
		return 0, err
	}
	if good <= early {
		return 0, fmt.Errorf("%s reads %.1f %%, no better than %s with %.1f %%", Good, 100*good, Early, 100*early)
	}
	s.say(nil, "The fleet reads better than before: %.1f %% instead of %.1f %%.", 100*good, 100*early)
	return good, nil
}

// damagedRelease publishes 3.0.0, and sees the first device stop it.
func (s *story) damagedRelease(ctx context.Context, good float64) error {
	s.begin("release "+Damaged, Name+" "+Damaged+" has damaged weights. Nothing about the file shows it.")
	_, err := packRelease(ctx, Damaged, s.fleet.key, false)
	var failing pack.FailingError
	if !errors.As(err, &failing) {
		return fmt.Errorf("packing %s should have been refused for its golden pictures, but gave: %v", Damaged, err)
	}
	s.say(failing.Measured, "squadron pack refuses it: it read %d of %d golden pictures and needs %d. A publisher in a hurry overrides that.",
		failing.Measured.Agreeing, failing.Measured.Samples, failing.Needed)
	if err := s.publish(ctx, Damaged, true); err != nil {
		return err
	}
	r, err := s.rollOut(ctx, Damaged, "1", "50%", "100%")
	if err != nil {
		return err
	}
	if r.Phase != rollout.Halted || r.Wave != 1 || r.Failed != 1 {
		return fmt.Errorf("the rollout of %s should have halted in wave 1 at one device, but is %s in wave %d with %d failed: %s", Damaged, r.Phase, r.Wave, r.Failed, r.Why)
	}
	s.say(r, "The rollout %s.", r.Why)
	if err := s.allRun(ctx, Good); err != nil {
		return err
	}
	s.say(nil, "All three devices still run %s.", Good)
	after, err := s.readPictures(ctx, Good)
	if err == nil && after != good {
		err = fmt.Errorf("the accuracy went from %.1f %% to %.1f %%", 100*good, 100*after)
	}
	return err
}

// publish packs a release and gives it to the controller.
func (s *story) publish(ctx context.Context, version string, allowFailing bool) error {
	p, err := packRelease(ctx, version, s.fleet.key, allowFailing)
	if err != nil {
		return err
	}
	var file bytes.Buffer
	if err := p.Write(&file); err != nil {
		return err
	}
	size := file.Len()
	release, _, err := api.ReleaseOf(bytes.NewReader(file.Bytes()))
	if err != nil {
		return fmt.Errorf("publish %s: %w", version, err)
	}
	published, _, err := s.client.Publish(ctx, &file)
	if err == nil {
		_, err = s.client.Vouch(ctx, api.Signer{Key: s.fleet.key, Home: home.Of(s.fleet.owner.KeyFile(publisher))}, release, time.Now().UTC())
	}
	if err != nil {
		return fmt.Errorf("publish %s: %w", version, err)
	}
	s.say(published, "Packed, signed and published %s %s: %d KiB, digest %s.", Name, version, size>>10, published.Digest.Short())
	return nil
}

// rollOutTo rolls a release out, and wants it done.
func (s *story) rollOutTo(ctx context.Context, version string, waves ...string) error {
	r, err := s.rollOut(ctx, version, waves...)
	if err != nil {
		return err
	}
	if r.Phase != rollout.Done {
		return fmt.Errorf("the rollout of %s should have come to its end, but is %s: %s", version, r.Phase, r.Why)
	}
	s.say(r, "The rollout of %s is done: %d of %d devices proved healthy.", version, r.Healthy, r.Total)
	return s.allRun(ctx, version)
}

// rollOut starts a rollout and tells what happens until it has ended.
func (s *story) rollOut(ctx context.Context, version string, waves ...string) (api.Rollout, error) {
	r, err := s.client.StartRollout(ctx, api.StartRollout{Model: Name, Version: version, Waves: waves})
	if err != nil {
		return r, fmt.Errorf("start the rollout of %s: %w", version, err)
	}
	wave := 0
	err = s.until(ctx, "the rollout of "+version+" to end", func() (bool, error) {
		var err error
		if r, err = s.client.Rollout(ctx, r.ID); err != nil {
			return false, err
		}
		if r.Wave != wave && r.Phase == rollout.Running {
			wave = r.Wave
			s.say(nil, "Wave %d of %d opens: %s.", r.Wave, len(r.Waves), waves[r.Wave-1])
		}
		return r.Phase != rollout.Running, s.tellEvents(ctx)
	})
	return r, err
}

// told are the kinds of events that carry the story.
var told = map[string]bool{
	string(wire.PhaseActivating): true, string(wire.PhaseCommitted): true, string(wire.PhaseRefused): true,
	string(wire.PhaseFailed): true, string(wire.PhaseRolledBack): true,
}

// tellEvents tells what devices did since it was last called.
func (s *story) tellEvents(ctx context.Context) error {
	for _, name := range s.fleet.devices() {
		d, err := s.client.Device(ctx, name)
		if err != nil {
			return err
		}
		for i := len(d.Events) - 1; i >= 0; i-- {
			e := d.Events[i]
			if !e.At.After(s.heard[name]) {
				continue
			}
			s.heard[name] = e.At
			if told[e.Kind] {
				s.say(e, "%s: %s", name.ID, e.Text)
			}
		}
	}
	return nil
}

// allRun waits until every device reports that it runs a version, proven.
func (s *story) allRun(ctx context.Context, version string) error {
	for _, name := range s.fleet.devices() {
		err := s.until(ctx, fmt.Sprintf("%s to run %s", name, version), func() (bool, error) {
			d, err := s.client.Device(ctx, name)
			if err != nil || d.State == nil || len(d.State.Models) != 1 {
				return false, err
			}
			m := d.State.Models[0]
			return m.Running == version && m.Phase == wire.PhaseCommitted, nil
		})
		if err != nil {
			return err
		}
	}
	return s.tellEvents(ctx)
}

// readPictures has the first device read every picture, and gives its accuracy.
func (s *story) readPictures(ctx context.Context, version string) (float64, error) {
	sheet, err := Pictures()
	if err != nil {
		return 0, err
	}
	files, err := pngs(sheet)
	if err != nil {
		return 0, err
	}
	device := s.fleet.devices()[0]
	right, engine := 0, ""
	start := time.Now()
	for i, file := range files {
		p, err := predict(ctx, s.fleet.serves(device), file)
		if err != nil {
			return 0, err
		}
		if p.Version != version {
			return 0, fmt.Errorf("%s should answer with %s, but does with %s", device, version, p.Version)
		}
		if p.Labels[0].Label == sheet.Labels[i] {
			right++
		}
		engine = p.Engine
	}
	accuracy := float64(right) / float64(len(files))
	s.say(map[string]any{"version": version, "pictures": len(files), "right": right, "accuracy": accuracy},
		"%s reads %d of %d pictures rightly with %s: %.1f %%, in %v on engine %s.",
		device.ID, right, len(files), version, 100*accuracy, time.Since(start).Round(time.Millisecond), engine)
	return accuracy, nil
}

// pollEvery is how often the story looks whether something has come about.
const pollEvery = 50 * time.Millisecond

// until waits for something to come about.
func (s *story) until(ctx context.Context, what string, done func() (bool, error)) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		ok, err := done()
		if err != nil {
			return fmt.Errorf("wait for %s: %w", what, err)
		}
		if ok {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", what, context.Cause(ctx))
		case <-tick.C:
		}
	}
}
