package rollout

import (
	"github.com/squadron-edge/squadron/deploy/wire"
)

// Event is what a rollout is told. Each may be repeated, late, or out of order.
type Event interface{ event() }

// Member is a device as the shell knows it when it enters the rollout.
type Member struct {
	Device  wire.Device
	Current Release // what it is to run now, and returns to after a halt
	Online  bool
	// Withheld says why no order may be given to it; empty if one may.
	Withheld string
}

type (
	// Started names the devices; the first wave opens.
	Started struct{ Members []Member }
	// DeviceState is what a device reports of the rollout's model. The zero
	// Model says that a device which has accepted its newest order has no such
	// model.
	DeviceState struct {
		Device wire.Device
		Model  wire.ModelState
	}
	// DeviceOnline says that a device is connected.
	DeviceOnline struct{ Device wire.Device }
	// DeviceOffline says that a device is not.
	DeviceOffline struct{ Device wire.Device }
	// DeviceJoined is a device that the fleet did not know before.
	DeviceJoined struct{ Member Member }
	// DeviceAhead is a device whose order is newer than any that the controller knew
	// of. Model is what it wants of the rollout's model; the zero one wants none.
	DeviceAhead struct {
		Device wire.Device
		Model  wire.ModelState
		// Withheld says why no order may be given to it; empty if one may.
		Withheld string
	}
	// Resumed says that the controller hears devices again: for how long it did
	// not, nobody knows, and that time is held against none of them.
	Resumed struct{}
	// Tick lets deadlines pass.
	Tick struct{}
	// Abort is an operator's wish to stop and go back.
	Abort struct{ Who string }
)

func (Started) event()       {}
func (DeviceState) event()   {}
func (DeviceOnline) event()  {}
func (DeviceOffline) event() {}
func (DeviceJoined) event()  {}
func (DeviceAhead) event()   {}
func (Resumed) event()       {}
func (Tick) event()          {}
func (Abort) event()         {}

// Action is what a rollout wants done. Each is safe to repeat.
type Action interface{ action() }

type (
	// Order wants a device to run the release, as this attempt.
	Order struct {
		Device  wire.Device
		Release Release
		Attempt int
	}
	// Restore wants a device to run what it ran before; a zero Previous wants
	// the model gone.
	Restore struct {
		Device   wire.Device
		Previous Release
		Attempt  int
	}
	// Announce is a sentence for people.
	Announce struct{ Text string }
)

func (Order) action()    {}
func (Restore) action()  {}
func (Announce) action() {}
