package update

import (
	"fmt"
	"hash/fnv"
	"slices"
	"time"

	"github.com/squadron-edge/squadron/deploy/trust"
	"github.com/squadron-edge/squadron/deploy/wire"
)

// Window is the time of day in which a device's owner lets versions change; the
// zero Window is always open. It is read off the wall clock of its zone: an hour
// that a change of daylight saving leaves out does not open it, one that comes
// twice opens it twice.
type Window struct {
	// From and To are minutes since midnight. If To is not after From the window
	// ends on the next day.
	From, To int
	Days     []time.Weekday // on which it begins; none is all
	Zone     *time.Location // nil if the Window is zero
}

// Open reports whether now is in the window.
func (w Window) Open(now time.Time) bool {
	if w.Zone == nil {
		return true
	}
	local := now.In(w.Zone)
	minute, today := local.Hour()*60+local.Minute(), local.Weekday()
	yesterday := (today + 6) % 7
	if w.From < w.To {
		return w.begins(today) && w.From <= minute && minute < w.To
	}
	return w.begins(today) && w.From <= minute || w.begins(yesterday) && minute < w.To
}

func (w Window) begins(day time.Weekday) bool {
	return len(w.Days) == 0 || slices.Contains(w.Days, day)
}

// searched is how far ahead Next looks: past a week in which a window that opens
// on one day falls into an hour that is left out.
const searched = 15 * 24 * time.Hour

// Next is when the window next is open, to the minute; now if it is.
func (w Window) Next(now time.Time) time.Time {
	at := now
	for !w.Open(at) && at.Sub(now) < searched {
		at = at.Truncate(time.Minute).Add(time.Minute)
	}
	return at
}

func (w Window) String() string {
	days := "every day"
	for i, d := range w.Days {
		if i == 0 {
			days = "on"
		}
		days += " " + d.String()[:3]
	}
	return fmt.Sprintf("%02d:%02d to %02d:%02d %s, %s", w.From/60, w.From%60, w.To/60, w.To%60, days, w.Zone)
}

// Pin keeps a device on the version of a model that it runs; the zero Pin pins
// nothing.
type Pin struct {
	Model  string
	Reason string
	Until  time.Time
}

// holds says why the model may not change now, or nothing.
func (p Pin) holds(model string, now time.Time) string {
	if p.Model != model || !now.Before(p.Until) {
		return ""
	}
	return fmt.Sprintf("it is pinned here until %s: %s", p.Until.UTC().Format("2006-01-02 15:04Z"), p.Reason)
}

// whyPinned says why this model keeps what it runs, or nothing. What does not run
// cannot be kept.
func (t *turn) whyPinned() string {
	if t.Active.IsZero() {
		return ""
	}
	return t.rules.Pin.holds(t.Model, t.now)
}

func (t *turn) becomePinned(why string) {
	t.Pinned = true
	t.end(StepRefused, fmt.Sprintf("Refused %s: %s; %s.", t.wanted(), why, t.meanwhile()))
}

// keepPinned goes on with a model that is no longer wanted, until its pin ends.
func (t *turn) keepPinned() {
	t.Next = &Want{Withdrawn: true}
	if t.Step.switching() {
		return // and comes here again from its end
	}
	t.Since, t.Why = t.now, fmt.Sprintf("Keeps %s %s, which is no longer wanted: %s.", t.Model, t.Active, t.whyPinned())
	t.Task++
	t.awaitPin()
}

func (t *turn) awaitPin() {
	t.actions = append(t.actions, SetTimer{t.Task, min(max(t.rules.Pin.Until.Sub(t.now), time.Second), lookAgain)})
}

// pinTimer removes the model if its pin has ended.
func (t *turn) pinTimer() {
	if t.whyPinned() == "" {
		t.becomeRemoving()
		return
	}
	t.Task++
	t.awaitPin()
}

// returning reports whether the order being worked on is a way back.
func (t *turn) returning() bool { return t.isWayBack(t.Order) }

// isWayBack reports whether an order goes back to what ran before: a way out of
// trouble, which waits for nothing. The version at hand is no way back if it is
// rolled out anew and is not older than what serves.
func (t *turn) isWayBack(o wire.DesiredModel) bool {
	sentBack := o.Attempt > wire.AttemptRelease
	return o.Digest == t.Previous.Digest && (sentBack || trust.Older(o.Version, t.Active.Version))
}

// share is a part of Jitter that is a device's own for a version.
func (r Rules) share(s State) time.Duration {
	h := fnv.New32a()
	fmt.Fprintf(h, "%s %s", r.Device, s.Order.Digest)
	return r.Jitter / 1024 * time.Duration(h.Sum32()%1024)
}

// becomeOffered waits for what is left of the device's share. A restart goes on
// with that wait, but a clock that jumps cannot prolong it.
func (t *turn) becomeOffered(why string) {
	wait := min(t.Begins.Sub(t.now), t.rules.Jitter)
	if wait <= 0 {
		t.becomeQueued(why)
		return
	}
	t.enter(StepOffered, fmt.Sprintf("%s; starts in %s, so that the fleet does not fetch at once; %s.", why, wait.Round(time.Second), t.meanwhile()))
	t.Task++
	t.actions = append(t.actions, SetTimer{t.Task, wait})
}

// lookAgain is when a version that waits looks again at the latest: the wall
// clock may have been set.
const lookAgain = time.Hour

// becomeStaged keeps a proven version until the window opens. Its self-tests
// came to an end, however often the device restarts while it waits.
func (t *turn) becomeStaged(how string) {
	t.Tests = 0
	opens := t.rules.Window.Next(t.now).In(t.rules.Window.Zone)
	t.enter(StepStaged, fmt.Sprintf("%s %s; switches when the maintenance window opens, %s; %s.",
		t.wanted(), how, opens.Format("Mon 2006-01-02 15:04 MST"), t.meanwhile()))
	t.Task++
	t.awaitWindow()
}

func (t *turn) awaitWindow() {
	wait := t.rules.Window.Next(t.now).Sub(t.now)
	t.actions = append(t.actions, SetTimer{t.Task, min(max(wait, time.Second), lookAgain)})
}

// windowTimer switches if the window is open.
func (t *turn) windowTimer() {
	if !t.rules.Window.Open(t.now) {
		t.awaitWindow()
		return
	}
	t.becomeActivating("was proven before, in the maintenance window")
}
