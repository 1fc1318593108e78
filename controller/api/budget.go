package api

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"

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
// and never more than the controller's own link. Names that nobody configured are
// kept while something runs for them, and so many at most.
type budgets struct {
	limits SiteBudgets

	mu    sync.Mutex
	sites map[wire.SiteID]*budget
	tidy  time.Time // when idle ones were last looked for
}

// maxSites is of how many sites the budgets are kept apart.
const maxSites = 4096

// budget is one site's. Large downloads beyond those that its rate can carry are
// sent away for a while, so that each that runs comes to its end.
type budget struct {
	rate    *rate.Limiter
	running chan struct{}
}

// idle reports whether a budget is as a new one.
func (b *budget) idle() bool { return len(b.running) == 0 && b.rate.Tokens() >= chunk }

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
	limit, named := b.limits[site]
	if !named {
		var others bool
		if limit, others = b.limits[OtherSites]; !others {
			return nil
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.sites[site] == nil && !named && b.full(time.Now()) {
		site = OtherSites
	}
	if b.sites[site] == nil {
		b.sites[site] = &budget{rate.NewLimiter(rate.Limit(limit), chunk), make(chan struct{}, limit/MinSiteBudget)}
	}
	return b.sites[site]
}

// full forgets idle budgets if there are as many as are kept, and reports whether
// there are still. It looks for them once a second, however many ask.
func (b *budgets) full(now time.Time) bool {
	if len(b.sites) >= maxSites && now.Sub(b.tidy) >= time.Second {
		b.tidy = now
		maps.DeleteFunc(b.sites, func(_ wire.SiteID, site *budget) bool { return site.idle() })
	}
	return len(b.sites) >= maxSites
}

// enter takes a place for a download of so many bytes, and returns where to write
// it and what to do after; or refuses, and asks to come again.
func (b *budgets) enter(w http.ResponseWriter, r *http.Request, size int64) (http.ResponseWriter, func(), error) {
	if r.Method == http.MethodHead {
		return w, func() {}, nil
	}
	site := b.of(r)
	if site == nil {
		return w, func() {}, nil
	}
	limited := &paced{ResponseWriter: w, ctx: r.Context(), rate: site.rate}
	if size <= smallFetch {
		return limited, func() {}, nil
	}
	select {
	case site.running <- struct{}{}:
		limited.reader = new(pace)
		return limited, func() { <-site.running }, nil
	default:
		w.Header().Set("Retry-After", strconv.Itoa(30+rand.IntN(60)))
		return nil, nil, Refuse(http.StatusServiceUnavailable, "the site's link is taken: %d downloads run, as many as its budget carries", cap(site.running))
	}
}

// paced writes no faster than its rate.
type paced struct {
	http.ResponseWriter
	ctx    context.Context // of the request
	rate   *rate.Limiter
	reader *pace // who holds a place; nil if nobody does
}

func (p *paced) Write(b []byte) (written int, err error) {
	for len(b) > 0 {
		n := min(len(b), chunk)
		if err := p.rate.WaitN(p.ctx, n); err != nil {
			return written, err
		}
		began := time.Now()
		m, err := p.ResponseWriter.Write(b[:n])
		written += m
		if err == nil {
			err = p.reader.took(m, time.Since(began))
		}
		if err != nil {
			return written, err
		}
		b = b[n:]
	}
	return written, nil
}

// pace is how fast a reader takes what is written. The time in which its site's
// budget has nothing for it does not count.
type pace struct {
	bytes int64
	time  time.Duration
}

// A reader keeps its place while it takes so many bytes a second, over a minute
// that it was waited for.
const (
	slowestReader = MinSiteBudget / 2
	paceOver      = time.Minute
)

// took fails if the place is better given to another.
func (p *pace) took(n int, d time.Duration) error {
	if p == nil {
		return nil
	}
	p.bytes, p.time = p.bytes+int64(n), p.time+d
	if p.time < paceOver {
		return nil
	}
	if perSecond := float64(p.bytes) / p.time.Seconds(); perSecond < slowestReader {
		return fmt.Errorf("the reader takes %.0f bytes a second, and others wait for its place: want %d or more", perSecond, slowestReader)
	}
	*p = pace{}
	return nil
}

// Unwrap is for http.ResponseController.
func (p *paced) Unwrap() http.ResponseWriter { return p.ResponseWriter }
