package link

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"sync/atomic"
)

// CheckBroker refuses what is no address of a broker.
func CheckBroker(s string) error {
	_, err := parseBroker(s, nil)
	return err
}

// parseBroker reads tcp://host:port or ssl://host:port.
func parseBroker(s string, config *tls.Config) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil {
		return nil, fmt.Errorf("broker %.200q: want tcp://host:port or ssl://host:port", s)
	}
	switch {
	case u.User != nil:
		return nil, fmt.Errorf("broker on %s: user name and password do not belong in the address, name them beside it", u.Host)
	case u.Scheme != "tcp" && u.Scheme != "ssl", u.Hostname() == "", u.Port() == "":
		return nil, fmt.Errorf("broker %.200q: want tcp://host:port or ssl://host:port, such as tcp://127.0.0.1:1883 or ssl://fleet.example:8883", s)
	case u.Path != "" || u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("broker %.200q: nothing may follow the port", s)
	case u.Scheme == "tcp" && config != nil:
		return nil, fmt.Errorf("broker %.200q: certificates are configured, but tcp:// does not use them: write ssl://", s)
	}
	return u, nil
}

// connection is closed when the context that it was dialled under ends, unless
// it is kept before. It knows whether it was closed: after a CONNACK whose code
// MQTT 3.1.1 does not list, paho closes the connection and reports success.
type connection struct {
	net.Conn
	release func() bool
	closed  atomic.Bool
}

// keep makes the connection outlive its context, and reports whether it is open.
func (c *connection) keep() bool { return c.release() && !c.closed.Load() }

// Close implements net.Conn.
func (c *connection) Close() error {
	c.closed.Store(true)
	return c.Conn.Close()
}

// dial opens the connection below MQTT.
func dial(ctx context.Context, broker *url.URL, config *tls.Config) (*connection, error) {
	conn, err := dialPlainOrTLS(ctx, broker, config)
	if err != nil {
		return nil, err
	}
	c := &connection{Conn: conn}
	c.release = context.AfterFunc(ctx, func() { c.Close() })
	return c, nil
}

// dialPlainOrTLS opens TCP, and TLS on it for ssl://.
func dialPlainOrTLS(ctx context.Context, broker *url.URL, config *tls.Config) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", broker.Host)
	if err != nil || broker.Scheme == "tcp" {
		return conn, err
	}
	if config == nil {
		config = new(tls.Config)
	}
	config = config.Clone()
	if config.ServerName == "" {
		config.ServerName = broker.Hostname()
	}
	secure := tls.Client(conn, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, fmt.Errorf("TLS with %s: %w", broker.Host, err)
	}
	return secure, nil
}
