package main

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/squadron-edge/squadron/controller/rollout"
	"github.com/squadron-edge/squadron/deploy/bundle"
	"github.com/squadron-edge/squadron/deploy/wire"
)

// What people type is read here, each by the rule of the room that owns it, so
// that a slip ends with the usage status before anything is sent.

// release is NAME@VERSION.
type release struct{ model, version string }

func (r *release) UnmarshalText(b []byte) error {
	model, version, ok := strings.Cut(string(b), "@")
	if !ok || model == "" || version == "" {
		return fmt.Errorf("%.80q: want NAME@VERSION, such as meter-reader@2.0.0", b)
	}
	if err := bundle.ValidName(model); err != nil {
		return err
	}
	*r = release{model, version}
	return bundle.ValidVersion(version)
}

func (r release) String() string { return r.model + "@" + r.version }

// modelName is what a bundle may be called.
type modelName string

func (n modelName) Validate() error { return bundle.ValidName(string(n)) }

// modelVersion is what a bundle's version may be.
type modelVersion string

func (v modelVersion) Validate() error { return bundle.ValidVersion(string(v)) }

// archs are of the devices that a bundle fits.
type archs []string

func (a archs) Validate() error {
	for _, arch := range a {
		if arch != "arm64" && arch != "amd64" {
			return fmt.Errorf("architecture %.40q: squadron-agent runs on arm64 (the boards) and amd64", arch)
		}
	}
	return nil
}

// waves are as the controller takes them.
type waves []string

func (w waves) Validate() error {
	_, err := rollout.ParseWaves(w)
	return err
}

// sites are of a fleet.
type sites []wire.SiteID

func (s sites) Validate() error {
	for _, site := range s {
		if err := wire.ValidateID(string(site)); err != nil {
			return fmt.Errorf("site %w", err)
		}
	}
	return nil
}

// rolloutID names one rollout.
type rolloutID wire.RolloutID

func (id rolloutID) Validate() error {
	if err := wire.ValidateID(string(id)); err != nil {
		return fmt.Errorf("rollout %w; squadron rollout status lists them", err)
	}
	return nil
}

// deviceName is SITE/DEVICE.
type deviceName wire.Device

func (d *deviceName) UnmarshalText(b []byte) error {
	name, err := wire.ParseDevice(string(b))
	*d = deviceName(name)
	return err
}

// controllerURL is where a controller answers.
type controllerURL string

func (c *controllerURL) UnmarshalText(b []byte) error {
	u, err := url.Parse(string(b))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return fmt.Errorf("%.200q: want the controller's address, such as http://127.0.0.1:8080", b)
	}
	*c = controllerURL(b)
	return nil
}
