package link

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
)

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

// dial opens the connection below MQTT: TCP, and TLS for ssl://.
func dial(ctx context.Context, broker *url.URL, config *tls.Config) (net.Conn, error) {
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
