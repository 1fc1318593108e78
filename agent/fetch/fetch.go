// Package fetch brings objects to the device: raw bytes, named by their
// SHA-256, bounded, resumable, and checked while they arrive.
//
// It is the sole importer of go-getter, and owns the guard around it: that
// library resumes blindly, and with a limit truncates silently, so that here an
// http.RoundTripper below it answers for every byte. Package fetch refuses to
// unpack, to follow a redirect out of TLS or to another host than those that the
// owner names, to speak plain HTTP with another machine unless told to, and to
// know what an object means.
//
// Vocabulary: a source is a base address that objects come from; a mirror is a
// source that is asked first, because it is near, and may lack an object; the
// last source is the authority. A partial is what has arrived of an object, in
// a private folder. A mark is a length and the SHA-256 of the partial up to
// there, made durable together. A delta is bytes that may make an object of
// another: its length is not signed, so that it is bounded by the object's, and
// its digest is known to nobody, so that it goes on from the source that began it
// and by its strong ETag only.
//
// # What a restart finds
//
// Every 4 MiB, every 10 s over a slow link, and whenever a transfer ends early,
// the partial is synced and a mark appended to the file beside it. Whoever goes
// on with a partial first hashes it from disk, up to the last mark that its
// bytes agree with, and cuts off the rest: bytes that a power cut turned into
// zeros, or that a process wrote just before it was killed. So a restart costs
// at most what came since the last mark, a cut of the network nothing, and a
// block that the flash lost what follows the mark before it.
//
// The state of the running hash could be stored in place of the digest, and
// nothing need be read. It would then vouch for bytes that nobody has seen
// since, and what the disk did to them would show after the last byte, at the
// cost of the whole object over the radio. Reading is cheaper, and a mark need
// not be trusted: a torn or invented one agrees with nothing.
//
// # What a partial is continued with
//
// The address of an object is its digest, so that whoever has it has the same
// bytes: a partial goes on from any source, also without an ETag or with a weak
// one. Where the same source named a strong ETag before, the request is
// conditional on it (If-Range), and a changed object is noticed before its
// bytes cost anything. What is wrong in the end is found by the digest: then all is
// dropped, and fetched from sources other than the mirror that brought the end.
//
// A mirror that fails is left alone for a while, unless it merely lacks the
// object; one that brings less than 16 KiB a second is left for the next
// source, while the last is waited for as long as it brings anything. A folder that
// does not answer is left to its fate: see Folder.
//
//	f, err := fetch.New(fetch.Options{Base: "https://ctl.example/v1/artefacts", Dir: store.Incoming()})
//	if err != nil {
//		return err
//	}
//	file, err := f.Fetch(ctx, digest, size) // resumes what an earlier try left
//	if err != nil {
//		return err
//	}
//	return store.Adopt(digest, size, file)
package fetch

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path"
	"slices"
	"sync/atomic"
	"time"

	getter "github.com/hashicorp/go-getter/v2"
	"golang.org/x/time/rate"

	"github.com/squadron-edge/squadron/deploy/bundle"
)

// Options say where objects come from and where they go.
type Options struct {
	// Base is where every object lies, at Base/sha256/{hex}: https://…, http://…
	// on this machine, or file:///….
	Base string
	// Mirrors are bases that may have an object too and are asked before Base,
	// in this order: the nearest first.
	Mirrors []string
	// RedirectHosts are those, as host or host:port, that a source may redirect
	// to beside its own: where a store keeps what a mirror tells the way to.
	RedirectHosts []string
	// Dir holds partials. It is made with mode 0700 and must be nobody else's.
	Dir string
	// RootCAs are the authorities of a site with its own; nil is the system's.
	RootCAs *x509.CertPool
	// Transport carries requests; nil is Transport(RootCAs).
	Transport http.RoundTripper
	// InsecureHTTP allows http:// to other machines. Digests still hold; who
	// listens learns which models run here.
	InsecureHTTP bool
	// Limit is how many bytes a second all HTTP transfers together may take,
	// MinLimit or more; 0 sets no limit.
	Limit int64
	// Device is who fetches, as site/device: its site's budget counts for it. It is
	// told to the sources, and to no host that they redirect to.
	Device string
	// Log hears which mirror failed and why; nil is silence.
	Log *slog.Logger
}

// Fetcher fetches from its sources. Its methods may be called concurrently, but
// not for the same object.
type Fetcher struct {
	sources   []*source // in the order of asking; the last is Options.Base
	lent      atomic.Pointer[source]
	redirects redirects
	dir       string
	disk      disk
	transport http.RoundTripper
	limit     *rate.Limiter
	idle      time.Duration // see idleTimeout
	every     int64         // see markBytes
	device    string
	log       *slog.Logger
}

// idleTimeout ends a transfer that brings nothing at all.
const idleTimeout = 30 * time.Second

// MinLimit is the lowest limit, in bytes a second. Package update gives a
// download up that is slower than 16 KiB a second.
const MinLimit = 32 << 10

// New checks the options and makes the folder.
func New(o Options) (*Fetcher, error) {
	f := &Fetcher{
		dir: o.Dir, disk: osDisk{}, transport: o.transport(), limit: limiter(o.Limit),
		idle: idleTimeout, every: markBytes, device: o.Device, log: o.Log, redirects: redirects{insecure: o.InsecureHTTP},
	}
	if f.log == nil {
		f.log = slog.New(slog.DiscardHandler)
	}
	for _, address := range append(slices.Clone(o.Mirrors), o.Base) {
		base, err := CheckURL(address, o.InsecureHTTP)
		if err != nil {
			return nil, err
		}
		f.sources = append(f.sources, newSource(base, len(f.sources) < len(o.Mirrors)))
	}
	for _, text := range o.RedirectHosts {
		host, err := parseRedirectHost(text)
		if err != nil {
			return nil, fmt.Errorf("where sources may redirect to: %w", err)
		}
		f.redirects.hosts = append(f.redirects.hosts, host)
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make download folder: %w", err)
	}
	if err := checkPrivate(o.Dir); err != nil {
		return nil, err
	}
	return f, nil
}

// Lend makes a folder a mirror that is asked before all others, in place of the
// one that was lent before; nil takes it back.
func (f *Fetcher) Lend(folder *Folder) {
	if folder == nil {
		f.lent.Store(nil)
		return
	}
	f.lent.Store(&source{folder: folder, mirror: true, lent: true})
}

// asked are the sources in the order of asking.
func (f *Fetcher) asked() []*source {
	if s := f.lent.Load(); s != nil {
		return append([]*source{s}, f.sources...)
	}
	return f.sources
}

func (o Options) transport() http.RoundTripper {
	if o.Transport != nil {
		return o.Transport
	}
	return Transport(o.RootCAs)
}

// CheckURL refuses an address that an agent may not fetch from: another scheme
// than https, http and file; plain http to another machine, unless insecure;
// passwords, queries and fragments.
func CheckURL(address string, insecure bool) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("address %.200q: %w", address, err)
	}
	switch {
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("address %s: it may have no password, query or fragment", u.Redacted())
	case u.Scheme == "file":
		if u.Host != "" || !path.IsAbs(u.Path) {
			return nil, fmt.Errorf("address %s: want file:/// and an absolute path", u)
		}
	case u.Scheme != "https" && u.Scheme != "http" || u.Host == "":
		return nil, fmt.Errorf("address %.200q: want https://host, http:// on this machine, or file:///path", address)
	case u.Scheme == "http" && !insecure && !OnThisMachine(u.Hostname()):
		return nil, fmt.Errorf(`address %s: it is neither encrypted nor on this machine: use https, or name "insecure_http": true in the config`, u)
	}
	u.RawPath = path.Clean("/" + u.EscapedPath()) // go-getter splits a path at "//"
	u.Path, err = url.PathUnescape(u.RawPath)
	return u, err
}

// OnThisMachine reports whether a host is this machine whatever the network says.
func OnThisMachine(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

// Fetch brings one object and returns its file in Dir, of that size and digest.
// The sources are asked in their order, each going on where the one before it
// came to. If all fail and one could not go on with what was there, that is
// dropped, and they are asked once more, from the start. After an error what
// arrived stays, and the next Fetch goes on with it.
//
// If the last source asked to be left alone for a while, the error wraps a
// *BusyError. If a folder was lent and is to blame, it is a *FolderError.
func (f *Fetcher) Fetch(ctx context.Context, d bundle.Digest, size int64) (file string, err error) {
	p := partial{disk: f.disk, dir: f.dir, every: f.every, digest: d, size: size}
	failed := f.ask(ctx, p)
	if failed.wantStart() && ctx.Err() == nil {
		if err := p.drop(); err != nil {
			return "", fmt.Errorf("fetch %s %w", d.Short(), f.local(err))
		}
		failed = f.ask(ctx, p)
	}
	if failed != nil {
		err := fmt.Errorf("fetch %s %w", d.Short(), failed)
		if failed.ofFolder() && ctx.Err() == nil {
			err = &FolderError{err}
		}
		return "", err
	}
	if err := p.finish(); err != nil {
		return "", fmt.Errorf("fetch %s %w", d.Short(), f.local(err))
	}
	return p.file(), nil
}

// ask tries each source that does not rest, until one brings what is missing.
// An error of this machine's disk ends it: no other source would help.
func (f *Fetcher) ask(ctx context.Context, p partial) (failed failures) {
	for _, s := range f.asked() {
		if s.rests(time.Now()) {
			continue
		}
		brought, err := f.once(ctx, p, s)
		if err == nil {
			return nil
		}
		failed = append(failed, f.failure(s, brought, err))
		if ctx.Err() != nil || failed.local() {
			return failed
		}
		if s.mirror && !s.lent {
			pause := s.rest(err, time.Now())
			f.log.Warn("a mirror failed", "mirror", s.String(), "object", p.digest.Short(), "error", oneLine(err), "rests", pause)
		}
	}
	return failed
}

// once has one source go on with what is there, and returns how many bytes it
// brought. They are kept for the next try, unless they are known to be wrong.
func (f *Fetcher) once(ctx context.Context, p partial, s *source) (brought int64, err error) {
	have, err := p.open()
	if err != nil {
		return 0, err
	}
	before := have.size
	if have.size < p.size {
		err = f.bring(ctx, p, s, have)
	}
	if err == nil {
		err = have.judge(p)
	}
	if errors.As(err, new(wrong)) {
		if before > 0 {
			err = discontinued{err}
		}
		return 0, errors.Join(err, p.drop())
	}
	if err != nil && !isLocal(err, f.dir) {
		err = errors.Join(err, p.mark(have))
	}
	return have.size - before, err
}

// bring lets go-getter bring what is missing: one file, never a folder, nothing
// unpacked, no links followed, by no getter but ours.
func (f *Fetcher) bring(ctx context.Context, p partial, s *source, have *progress) error {
	if s.folder != nil {
		return s.copyTo(ctx, p, have)
	}
	return get(ctx, s.address(p.digest), p.file(), &getter.HttpGetter{
		Netrc:                 false,
		XTerraformGetDisabled: true,
		Client: &http.Client{
			Transport:     &guard{fetcher: f, source: s, partial: p, have: have},
			CheckRedirect: f.redirects.check,
		},
	})
}

func get(ctx context.Context, from, to string, g getter.Getter) error {
	client := getter.Client{
		Getters:         []getter.Getter{g},
		Decompressors:   map[string]getter.Decompressor{},
		DisableSymlinks: true,
	}
	_, err := client.Get(ctx, &getter.Request{Src: from, Dst: to, GetMode: getter.ModeFile, Copy: true, Umask: 0o077})
	return err
}
