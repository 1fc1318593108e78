package controller

import (
	"context"
	"time"
)

const (
	// warnEvery is how often the log says again what expires.
	warnEvery = 24 * time.Hour
	// warnAhead is how long before it does so: whoever has to sign is a person,
	// who may be away.
	warnAhead = 30 * 24 * time.Hour
)

// warnOfExpiry says which of the files that people sign devices will soon believe
// no more.
func (f *fleet) warnOfExpiry(ctx context.Context, now time.Time) {
	expiring, err := f.trust.Expiring(ctx, now.Add(warnAhead))
	if err != nil {
		if ctx.Err() == nil {
			f.log.Error("it cannot be looked up what of the fleet's trust expires", "error", err)
		}
		return
	}
	for _, e := range expiring {
		f.log.Warn("devices install nothing by this file once it has expired; what runs goes on", "file", e.File, "expires", e.At.Format(time.DateOnly), "to do", e.Remedy)
	}
}
