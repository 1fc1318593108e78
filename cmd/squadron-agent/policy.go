package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/squadron-edge/squadron/agent/update"
)

// windowKeys are the config's maintenance_window.
type windowKeys struct {
	From     string   `json:"from"`
	To       string   `json:"to"`
	Days     []string `json:"days"`
	Timezone string   `json:"timezone"`
}

var weekdays = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"} // as time.Weekday

func (k windowKeys) window() (update.Window, error) {
	if k.From == "" && k.To == "" && k.Timezone == "" && len(k.Days) == 0 {
		return update.Window{}, nil
	}
	w := update.Window{Zone: time.Local}
	for text, minute := range map[string]*int{k.From: &w.From, k.To: &w.To} {
		at, err := time.Parse("15:04", text)
		if err != nil {
			return w, fmt.Errorf("maintenance_window: time %.20q: want hours and minutes, such as 22:00", text)
		}
		*minute = at.Hour()*60 + at.Minute()
	}
	if k.From == k.To {
		return w, fmt.Errorf("maintenance_window: from %s to %s: want two times that differ", k.From, k.To)
	}
	for _, name := range k.Days {
		day := slices.Index(weekdays, name)
		if day < 0 {
			return w, fmt.Errorf("maintenance_window: day %.20q: want some of %s", name, strings.Join(weekdays, ", "))
		}
		w.Days = append(w.Days, time.Weekday(day))
	}
	if k.Timezone == "" {
		return w, nil
	}
	zone, err := time.LoadLocation(k.Timezone)
	if err != nil {
		return w, fmt.Errorf("maintenance_window: %w: want a name such as Europe/Berlin, and the package tzdata on this machine", err)
	}
	w.Zone = zone
	return w, nil
}

// pinKeys are the config's pin.
type pinKeys struct {
	Model  string `json:"model"`
	Reason string `json:"reason"`
	Until  string `json:"until"`
}

func (k pinKeys) pin() (update.Pin, error) {
	if k == (pinKeys{}) {
		return update.Pin{}, nil
	}
	p := update.Pin{Model: k.Model, Reason: k.Reason}
	day, err := time.Parse(time.DateOnly, k.Until)
	if err == nil {
		p.Until = day.AddDate(0, 0, 1)
		return p, nil
	}
	if p.Until, err = time.Parse(time.RFC3339, k.Until); err != nil {
		return p, fmt.Errorf("pin: until %.40q: want a date such as 2026-12-24, or a time such as 2026-12-24T12:00:00Z", k.Until)
	}
	return p, nil
}
