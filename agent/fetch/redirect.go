package fetch

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// redirects are where a source may send a fetch: to its own host and to the
// hosts that the device's owner named. Nothing follows a fetch there but what it
// asks for: no password, no cookie, and not the address that it came from, whose
// query may be a signature.
type redirects struct {
	hosts    []redirectHost
	insecure bool // plain http to other machines is allowed
}

const maxRedirects = 5

// check is an http.Client's CheckRedirect. A chain that left plain http for TLS
// stays within TLS.
func (r redirects) check(to *http.Request, via []*http.Request) error {
	to.Header.Del("Referer")
	source, last := via[0].URL, via[len(via)-1].URL
	away := to.URL.Hostname() != source.Hostname()
	switch {
	case len(via) > maxRedirects:
		return fmt.Errorf("it redirects more than %d times", maxRedirects)
	case to.URL.Scheme != "http" && to.URL.Scheme != "https":
		return errors.New("it redirects to " + to.URL.Scheme)
	case to.URL.User != nil:
		return fmt.Errorf("it redirects to an address with a password, at %s", to.URL.Host)
	case away && !r.named(to.URL):
		return fmt.Errorf(`it redirects to another host, %s ("redirect_hosts" in the config lists those that objects may come from)`, to.URL.Host)
	case last.Scheme == "https" && to.URL.Scheme != "https":
		return errors.New("it redirects from https to " + to.URL.Scheme)
	case away && to.URL.Scheme == "http" && !r.insecure && !OnThisMachine(to.URL.Hostname()):
		return fmt.Errorf("it redirects to http://%s, which is neither encrypted nor on this machine", to.URL.Host)
	}
	return nil
}

func (r redirects) named(u *url.URL) bool {
	for _, h := range r.hosts {
		if h.is(u) {
			return true
		}
	}
	return false
}

// follows reports whether an http.Client goes where a reply redirects to. It
// fails on an address that is none: the client's own sentence would quote it.
func follows(reply *http.Response) (bool, error) {
	switch reply.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
	default:
		return false, nil
	}
	_, err := reply.Location()
	if errors.Is(err, http.ErrNoLocation) {
		return false, nil
	}
	if err != nil {
		return false, errors.New("it redirects to what is no address")
	}
	return true, nil
}

// redirectHost is a host at any of its ports, or at one.
type redirectHost struct{ name, port string }

func (h redirectHost) is(u *url.URL) bool {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return strings.EqualFold(h.name, u.Hostname()) && (h.port == "" || h.port == port)
}

// CheckRedirectHost refuses what is neither a host nor host:port.
func CheckRedirectHost(text string) error {
	_, err := parseRedirectHost(text)
	return err
}

// hostName is a name of the DNS; an IP address is read as one.
var hostName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$`)

func parseRedirectHost(text string) (redirectHost, error) {
	wrong := fmt.Errorf("host %.200q: want a host or host:port, such as bucket.s3.example or store.example:9000", text)
	u, err := url.Parse("https://" + text)
	if err != nil || u.Host != text || strings.HasSuffix(text, ":") {
		return redirectHost{}, wrong
	}
	h := redirectHost{u.Hostname(), u.Port()}
	if net.ParseIP(h.name) == nil && !hostName.MatchString(h.name) {
		return redirectHost{}, wrong
	}
	if n, err := strconv.ParseUint(h.port, 10, 16); h.port != "" && (err != nil || n == 0) {
		return redirectHost{}, wrong
	}
	return h, nil
}
