package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/squadron-edge/squadron/cmd/config"
	"github.com/squadron-edge/squadron/cmd/exit"
	"github.com/squadron-edge/squadron/controller/api"
	"github.com/squadron-edge/squadron/deploy/bundle"
	"github.com/squadron-edge/squadron/deploy/trust"
)

func TestAPublishedBundleIsListedAndPublishingItAgainChangesNothing(t *testing.T) {
	o := openOffice(t)
	file := o.pack("meter-reader", "2.0.0", "publisher.key")
	if out, _ := o.publishes(exit.Done, file); !strings.Contains(out, "Published meter-reader 2.0.0") {
		t.Errorf("it printed %q", out)
	}
	if out, _ := o.publishes(exit.Done, file); !strings.Contains(out, "was published already") {
		t.Errorf("the second time it printed %q", out)
	}
	if b := o.bundles(); len(b) != 1 || b[0].Name != "meter-reader" || b[0].Version != "2.0.0" {
		t.Errorf("published: %+v", b)
	}
}

func TestABundleThatNothingNeedsIsRemoved(t *testing.T) {
	o := openOffice(t)
	o.publishes(exit.Done, o.pack("meter-reader", "2.0.0", "publisher.key"))
	if out, _ := o.asks(exit.Done, "bundles", "remove", "meter-reader@2.0.0"); !strings.Contains(out, "Removed meter-reader 2.0.0, sha256:") {
		t.Errorf("it printed %q", out)
	}
	if b := o.bundles(); len(b) != 0 {
		t.Errorf("published still: %+v", b)
	}
	if _, complaint := o.asks(exit.Failed, "bundles", "remove", "meter-reader@2.0.0"); !strings.Contains(complaint, "is not published here") {
		t.Errorf("the second time it complained %q", complaint)
	}
	o.asks(exit.Usage, "bundles", "remove", "meter-reader")
}

func TestAMinimumVersionOutlivesItsBundle(t *testing.T) {
	o := openOffice(t)
	file := o.pack("meter-reader", "2.0.0", "publisher.key")
	minimum := func(when, want string) {
		t.Helper()
		role, err := api.NewClient(o.url, "", "ada").RoleFor(t.Context(), "meter-reader", "2.0.0")
		if err != nil {
			t.Fatal(err)
		}
		targets, err := trust.ParseTargets(role.Metadata)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := targets.Minimum("meter-reader"); got != want || err != nil {
			t.Errorf("%s: minimum version %q, %v; want %q", when, got, err, want)
		}
	}
	o.publishes(exit.Done, file, "--minimum-version", "1.5.0")
	minimum("published", "1.5.0")
	o.asks(exit.Done, "bundles", "remove", "meter-reader@2.0.0")
	o.publishes(exit.Done, o.packAgain(file))
	minimum("removed, and published with other bytes", "1.5.0")
	again := o.file("again.sqb")
	if _, complaint := o.publishes(exit.Failed, again, "--minimum-version", "1.0.0"); !strings.Contains(complaint, "--lower-minimum") {
		t.Errorf("a lower minimum: %q", complaint)
	}
	minimum("refused", "1.5.0")
	o.publishes(exit.Done, again, "--minimum-version", "1.0.0", "--lower-minimum")
	minimum("lowered", "1.0.0")
	o.publishes(exit.Usage, again, "--lower-minimum")
}

// What devices may not go below is told wherever a person looks at models or
// publishers, also once its bundle is gone.
func TestTheMinimumVersionInForceIsShown(t *testing.T) {
	o := openOffice(t)
	file := o.pack("meter-reader", "2.0.0", "publisher.key")
	shows := func(want string, args ...string) {
		t.Helper()
		if out, _ := squadron(t, exit.Done, args...); !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("squadron %v printed %q, want %s", args, out, want)
		}
	}
	there := []string{"--controller", o.url}
	list, show := append([]string{"bundles", "list"}, there...), append([]string{"bundles", "show", "meter-reader@2.0.0"}, there...)
	status := []string{"keys", "status", "--dir", o.file("trust")}
	o.publishes(exit.Done, file)
	for _, args := range [][]string{list, show, status, append(status, there...)} {
		if out, _ := squadron(t, exit.Done, append(args, "--json")...); strings.Contains(out, `"minimum_version`) {
			t.Errorf("without a minimum %v printed %q", args, out)
		}
	}
	o.publishes(exit.Done, file, "--minimum-version", "1.5.0")
	shows(`(?m)^MODEL +VERSION +MINIMUM .*\nmeter-reader +2\.0\.0 +1\.5\.0 `, list...)
	shows(`"minimum_version": "1\.5\.0"`, append(list, "--json")...)
	shows(`(?m)^minimum +1\.5\.0$`, show...)
	shows(`"minimum_version": "1\.5\.0"`, append(show, "--json")...)
	o.asks(exit.Done, "bundles", "remove", "meter-reader@2.0.0")
	for _, status := range [][]string{status, append(status, there...)} {
		shows(`(?m) MINIMUM VERSIONS$(.*\n)+publisher .* meter-reader 1\.5\.0$`, status...)
		shows(`"minimum_versions": \{\s*"meter-reader": "1\.5\.0"\s*\}`, append(status, "--json")...)
	}
	if got := minimumFor("1.4.0", "1.5.0"); got != "1.5.0, forbids this" {
		t.Errorf("beside a lower version: %q", got)
	}
}

// packAgain signs a bundle's manifest with another time of packing, which gives
// it another digest.
func (o *office) packAgain(file string) string {
	o.t.Helper()
	_, m, _ := o.unpacked(file)
	return o.resigned(file, "again.sqb", m.Provenance.At.Format(time.RFC3339), "2026-01-01T00:00:00Z")
}

// The owner gives a publisher another key, which goes on from what the one before
// it signed, if its publisher says so.
func TestAPublishersNewKeyGoesOnFromTheOld(t *testing.T) {
	o := openOffice(t)
	o.publishes(exit.Done, o.pack("meter-reader", "2.0.0", "publisher.key"))
	if _, err := os.Stat(o.key("publisher.key.signed.json")); err != nil {
		t.Error(err)
	}
	squadron(t, exit.Done, "keys", "new", o.key("fresh.key"))
	squadron(t, exit.Done, "keys", "delegate", "publisher", "--models", "meter-*", "--public", o.key("fresh.key.pub"), "--replace", "--dir", o.file("trust"))
	o.asks(exit.Done, "keys", "push", "--dir", o.file("trust"))
	file := o.pack("meter-dial", "2.0.0", "fresh.key")
	_, complaint := o.asks(exit.Failed, "publish", file, "--key", o.key("fresh.key"))
	if !strings.Contains(complaint, "--other-key") {
		t.Errorf("without the old key it complained %q", complaint)
	}
	_, told := o.asks(exit.Done, "publish", file, "--key", o.key("fresh.key"), "--other-key", o.key("publisher.key"))
	if !strings.Contains(told, "version 1 of publisher.json is taken from the controller") {
		t.Errorf("it told %q", told)
	}
	o.asks(exit.Done, "publish", file, "--key", o.key("fresh.key"))
}

// Every hostile bundle gets one sentence with the reason, status 1, and leaves
// nothing behind.
func TestPublishRefuses(t *testing.T) {
	o := openOffice(t)
	good := o.pack("meter-reader", "2.0.0", "publisher.key")
	squadron(t, exit.Done, "keys", "new", o.key("stranger.key"))

	for attack, c := range map[string]struct{ file, why string }{
		"a bundle with a changed byte":   {changedByte(o, good), "was changed or damaged on the way"},
		"a bundle with a changed header": {changedHeader(o, good), "the file was changed or damaged on the way, copy or download it again"},
		"a bundle that is cut short":     {cutShort(o, good), "it was cut short"},
		"a stranger's key":               {o.pack("meter-reader", "2.0.0", "stranger.key"), "and the bundle is signed by key "},
		"a name that the key may not publish": {
			o.pack("door-opener", "2.0.0", "publisher.key"), "nobody may publish door-opener"},
		"a manifest that points outside its folder": {
			withPath(o, good, "../../etc/cron.d/x"), `path "../../etc/cron.d/x": it must be clean`},
		"a manifest that points at the root": {withPath(o, good, "/etc/passwd"), `path "/etc/passwd": it starts at the root`},
	} {
		t.Run(attack, func(t *testing.T) {
			_, complaint := o.publishes(exit.Failed, c.file)
			if !strings.Contains(complaint, c.why) || !strings.Contains(complaint, c.file) || strings.Count(complaint, "\n") != 1 {
				t.Errorf("want one sentence with the file and %q, got\n%s", c.why, complaint)
			}
			if b := o.bundles(); len(b) != 0 {
				t.Errorf("published all the same: %+v", b)
			}
		})
	}
	o.publishes(exit.Done, good)
}

// A key that may not publish a model is told who may, and what to run, before the
// bundle is sent; and what it is told to run is what it takes.
func TestWhoMayNotPublishHearsWhoMayBeforeTheUpload(t *testing.T) {
	o := openOffice(t)
	squadron(t, exit.Done, "keys", "new", o.key("bob.key"))
	squadron(t, exit.Done, "keys", "new", o.key("stranger.key"))
	trusts := func(command ...string) {
		t.Helper()
		squadron(t, exit.Done, append(append([]string{"keys", "delegate"}, command...), "--dir", o.file("trust"))...)
		o.asks(exit.Done, "keys", "push", "--dir", o.file("trust"))
	}
	trusts("bob", "--models", "gauge-*", "--public", o.key("bob.key.pub"))

	target, err := url.Parse(o.url)
	if err != nil {
		t.Fatal(err)
	}
	var uploads atomic.Int32
	proxy := httputil.NewSingleHostReverseProxy(target)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			uploads.Add(1)
		}
		r.Host = target.Host
		proxy.ServeHTTP(w, r)
	}))
	defer front.Close()
	short := func(key string) string {
		t.Helper()
		public, err := config.PublicKey(o.key(key))
		if err != nil {
			t.Fatal(err)
		}
		return public.ID().Short()
	}

	doors := o.pack("door-opener", "2.0.0", "publisher.key")
	for name, c := range map[string]struct{ bundle, key, want string }{
		"nobody's model": {doors, "publisher.key",
			"nobody may publish door-opener, and nothing was sent: the fleet's owner runs squadron keys delegate publisher --models 'meter-*,door-opener' --public " + o.key("publisher.key.pub") + ", and squadron keys push\n"},
		"nobody's model, and nobody's key": {o.pack("door-opener", "2.0.0", "stranger.key"), "stranger.key",
			"the fleet's owner runs squadron keys delegate PUBLISHER --models 'door-opener' --public " + o.key("stranger.key.pub") + ", and squadron keys push\n"},
		"another publisher's model": {o.pack("gauge-1", "2.0.0", "publisher.key"), "publisher.key",
			"bob alone may publish gauge-1, with key " + short("bob.key") + ", and " + o.key("publisher.key") + " has key " + short("publisher.key") + "; nothing was sent: have bob pack and publish it, or pack it under a name that publisher may publish with this key: meter-*\n"},
		"a publisher's model, and nobody's key": {o.pack("gauge-1", "2.0.0", "stranger.key"), "stranger.key",
			"pack and publish it with that key, or the fleet's owner runs squadron keys delegate bob --models 'gauge-*' --public " + o.key("stranger.key.pub") + ", and --public for each key that it has, and squadron keys push\n"},
		"a bundle that nobody's key signed": {o.pack("meter-reader", "2.0.0", "stranger.key"), "publisher.key",
			"publisher alone may publish meter-reader, with key " + short("publisher.key") + ", and the bundle is signed by key " + short("stranger.key") + "; nothing was sent: pack it again with squadron pack --key " + o.key("publisher.key") + "\n"},
	} {
		_, complaint := squadron(t, exit.Failed, "publish", c.bundle, "--key", o.key(c.key), "--controller", front.URL)
		if !strings.HasSuffix(complaint, c.want) || uploads.Load() != 0 {
			t.Errorf("%s: %d uploads, and it complained %q, want %q", name, uploads.Load(), complaint, c.want)
		}
	}
	trusts("publisher", "--models", "meter-*,door-opener", "--public", o.key("publisher.key.pub"))
	squadron(t, exit.Done, "publish", doors, "--key", o.key("publisher.key"), "--controller", front.URL)
	if uploads.Load() != 1 {
		t.Errorf("%d uploads of what may be published", uploads.Load())
	}
}

// changedByte flips one bit in the middle of the file, in a weight of the model.
func changedByte(o *office, file string) string {
	return o.altered(file, "changed.sqb", func(b []byte) []byte {
		b[len(b)/2] ^= 1
		return b
	})
}

// changedHeader flips one bit in the owner's field of the first object's header,
// which has the same name as a good one.
func changedHeader(o *office, file string) string {
	return o.altered(file, "header.sqb", func(b []byte) []byte {
		b[bytes.Index(b, []byte("objects/"))+108] ^= 1
		return b
	})
}

func cutShort(o *office, file string) string {
	return o.altered(file, "short.sqb", func(b []byte) []byte { return b[:len(b)/2] })
}

// altered writes a file's bytes, altered, as another file.
func (o *office) altered(file, as string, alter func([]byte) []byte) string {
	o.t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		o.t.Fatal(err)
	}
	if err := os.WriteFile(o.file(as), alter(b), 0o644); err != nil {
		o.t.Fatal(err)
	}
	return o.file(as)
}

// withPath signs a bundle anew in which one golden picture lies at another path.
func withPath(o *office, file, path string) string {
	return o.resigned(file, strings.ReplaceAll(path, "/", "_")+".sqb", `"golden/000.png"`, `"`+path+`"`)
}

// resigned signs a bundle anew, with the trusted key and something else in its
// manifest, and writes it as another file.
func (o *office) resigned(file, as, was, is string) string {
	o.t.Helper()
	payload, m, objects := o.unpacked(file)
	other := bytes.ReplaceAll(payload, []byte(was), []byte(is))
	if bytes.Equal(other, payload) {
		o.t.Fatalf("no %s to replace", was)
	}
	key, err := config.PrivateKey(o.key("publisher.key"), []byte(passphrase))
	if err != nil {
		o.t.Fatal(err)
	}
	envelope, err := trust.Sign(bundle.ManifestType, other, key)
	if err != nil {
		o.t.Fatal(err)
	}
	var out bytes.Buffer
	if err := bundle.Write(&out, envelope, m, func(f bundle.File) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(objects[f.Digest])), nil
	}); err != nil {
		o.t.Fatal(err)
	}
	return o.altered(file, as, func([]byte) []byte { return out.Bytes() })
}

// unpacked reads a bundle file as the controller does.
func (o *office) unpacked(file string) (payload []byte, m *bundle.Manifest, objects map[bundle.Digest][]byte) {
	o.t.Helper()
	f, err := os.Open(file)
	if err != nil {
		o.t.Fatal(err)
	}
	defer f.Close()
	objects = map[bundle.Digest][]byte{}
	err = bundle.Read(f, func(envelope []byte) (*bundle.Manifest, error) {
		payload, err = trust.Unjudged(envelope)
		if err != nil {
			return nil, err
		}
		m, err = bundle.ParseManifest(payload)
		return m, err
	}, func(f bundle.File, r io.Reader) (err error) {
		objects[f.Digest], err = io.ReadAll(r)
		return err
	})
	if err != nil {
		o.t.Fatal(err)
	}
	return payload, m, objects
}

// A minimum above the bundle's own version would leave nothing to install.
func TestAMinimumAboveTheBundleIsRefused(t *testing.T) {
	o := openOffice(t)
	_, complaint := o.publishes(exit.Usage, o.pack("meter-reader", "2.0.0", "publisher.key"), "--minimum-version", "9.0.0")
	if !strings.Contains(complaint, "above the bundle's own version 2.0.0") {
		t.Errorf("complained %q", complaint)
	}
	if n := len(o.bundles()); n != 0 {
		t.Errorf("%d bundles were published", n)
	}
}
