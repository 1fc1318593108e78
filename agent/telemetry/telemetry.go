// Package telemetry tells how a device fares: what its operating system and its
// board say of load, memory, disk, temperature, power and network.
//
// It owns the reading, its rhythm, and which readings are left out where there
// are too many for a message. It is the only importer of gopsutil, and leaves
// what only a Jetson has to package tegra. It refuses to report a zero for what
// it could not read: that is named in Missing, with the reason. Nothing is kept
// for a link that is down but the newest sample: telemetry may be lost.
//
//	s := telemetry.New(os.DirFS("/"), stateDir, models.Telemetry)
//	go func() { done <- s.Run(ctx, 10*time.Second, phase) }()
//	for sample := range s.Newest() { // when the link is up
//		publish(sample)
//	}
package telemetry

import (
	"context"
	"io/fs"
	"time"

	"github.com/shirou/gopsutil/v3/cpu"

	"github.com/squadron-edge/squadron/deploy/wire"
)

// Sampler samples the machine that it runs on. Its methods are for one
// goroutine, but for Newest.
type Sampler struct {
	root     fs.FS
	stateDir string
	models   func() []wire.ModelTelemetry
	newest   chan wire.Telemetry
	before   cpu.TimesStat // at the last sample
}

// New prepares a sampler. root is the root of the file system, for what is read
// of the board; stateDir is where the agent keeps its models, whose disk is the
// one that can fill; models counts for the models that serve.
func New(root fs.FS, stateDir string, models func() []wire.ModelTelemetry) *Sampler {
	return &Sampler{root: root, stateDir: stateDir, models: models, newest: make(chan wire.Telemetry, 1)}
}

// Newest gives each sample once. One that nobody fetched before the next was
// made is lost.
func (s *Sampler) Newest() <-chan wire.Telemetry { return s.newest }

// Run samples after phase and then at every interval, until ctx ends. The caller
// draws the phase from [0, every), so that a fleet whose power came back at once
// does not report at once.
func (s *Sampler) Run(ctx context.Context, every, phase time.Duration) error {
	s.busy(ctx) // the first sample's load is since now
	for wait := phase; ; wait = every {
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case now := <-timer.C:
			s.offer(s.Sample(ctx, now))
		}
	}
}

// offer puts the sample in the place of an older one; only Run sends, so there
// is room then.
func (s *Sampler) offer(t wire.Telemetry) {
	select {
	case <-s.newest:
	default:
	}
	s.newest <- t
}
