package controller

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"

	"github.com/squadron-edge/squadron/controller/gate"
)

// listen opens both ports, with TLS if there is a certificate.
func listen(cfg Config) (web, mqtt net.Listener, err error) {
	wrap := func(l net.Listener) net.Listener { return l }
	if cfg.TLSCertFile != "" {
		pair, err := tls.LoadX509KeyPair(cfg.TLSCertFile, cfg.TLSKeyFile)
		if err != nil {
			return nil, nil, fmt.Errorf("read tls_cert_file %s and tls_key_file %s: %w", cfg.TLSCertFile, cfg.TLSKeyFile, err)
		}
		secure := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}}
		wrap = func(l net.Listener) net.Listener { return tls.NewListener(l, secure) }
	}
	web, err = net.Listen("tcp", cfg.HTTP)
	if err != nil {
		return nil, nil, fmt.Errorf("listen for HTTP: %w", err)
	}
	mqtt, err = net.Listen("tcp", cfg.MQTT)
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("listen for MQTT: %w", err), web.Close())
	}
	return wrap(gate.Paced(web)), wrap(mqtt), nil
}
