package api

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"

	"golang.org/x/time/rate"

	"github.com/squadron-edge/squadron/deploy/wire"
)

// SiteBudgets are how many bytes a second all devices of a site together may
// download from here; OtherSites stands for each site that is not named. A site
// without a budget has no limit.
type SiteBudgets map[wire.SiteID]int64

// OtherSites names the budget of each site that has none of its own.
const OtherSites wire.SiteID = "*"

// MinSiteBudget is the least that a device fetches with before it gives a
// download up, in bytes a second: agents' slowest is half of it.
const MinSiteBudget = 32 << 10

// Validate refuses budgets that no download would end within.
func (b SiteBudgets) Validate() error {
	for site, limit := range b {
		if site != OtherSites {
			if err := wire.ValidateID(string(site)); err != nil {
				return fmt.Errorf("site %w", err)
			}
		}
		if limit < MinSiteBudget {
			return fmt.Errorf("site %s has %d KiB a second: want %d or more", site, limit>>10, MinSiteBudget>>10)
		}
	}
	return nil
}

// budgets hold each site's downloads to what its link shall bear. Who downloads
// says its site itself (wire.DeviceHeader): a lie takes from that site's budget,
// and never more than the controller's own link.
type budgets struct {
	limits SiteBudgets

	mu    sync.Mutex
	sites map[wire.SiteID]*budget
}

// budget is one site's. Large downloads beyond those that its rate can carry are
// sent away for a while, so that each that runs comes to its end.
type budget struct {
	rate    *rate.Limiter
	running chan struct{}
}

// Chunks are written one by one; what is no larger than a few takes no place.
const (
	chunk      = 32 << 10
	smallFetch = 4 * chunk
)

func newBudgets(limits SiteBudgets) *budgets {
	return &budgets{limits: limits, sites: map[wire.SiteID]*budget{}}
}

// of is the budget of whoever asks; nil if there is no limit.
func (b *budgets) of(r *http.Request) *budget {
	device, err := wire.ParseDevice(r.Header.Get(wire.DeviceHeader))
	site := device.Site
	if err != nil {
		site = OtherSites
	}
	limit, ok := b.limits[site]
	if !ok {
		limit, ok = b.limits[OtherSites]
	}
	if !ok {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.sites[site] == nil {
		b.sites[site] = &budget{rate.NewLimiter(rate.Limit(limit), chunk), make(chan struct{}, limit/MinSiteBudget)}
	}
	return b.sites[site]
}

// enter takes a place for a download of so many bytes, and returns where to write
// it and what to do after; or refuses, and asks to come again.
func (b *budgets) enter(w http.ResponseWriter, r *http.Request, size int64) (http.ResponseWriter, func(), error) {
	site := b.of(r)
	if site == nil || r.Method == http.MethodHead {
		return w, func() {}, nil
	}
	limited := &paced{ResponseWriter: w, ctx: r.Context(), rate: site.rate}
	if size <= smallFetch {
		return limited, func() {}, nil
	}
	select {
	case site.running <- struct{}{}:
		return limited, func() { <-site.running }, nil
	default:
		w.Header().Set("Retry-After", strconv.Itoa(30+rand.IntN(60)))
		return nil, nil, Refuse(http.StatusServiceUnavailable, "the site's link is taken: %d downloads run, as many as its budget carries", cap(site.running))
	}
}

// paced writes no faster than its rate.
type paced struct {
	http.ResponseWriter
	ctx  context.Context // of the request
	rate *rate.Limiter
}

func (p *paced) Write(b []byte) (written int, err error) {
	for len(b) > 0 {
		n := min(len(b), chunk)
		if err := p.rate.WaitN(p.ctx, n); err != nil {
			return written, err
		}
		m, err := p.ResponseWriter.Write(b[:n])
		written += m
		if err != nil {
			return written, err
		}
		b = b[n:]
	}
	return written, nil
}

// Unwrap is for http.ResponseController.
func (p *paced) Unwrap() http.ResponseWriter { return p.ResponseWriter }
