package controller_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/squadron-edge/squadron/controller"
	"github.com/squadron-edge/squadron/controller/broker"
	"github.com/squadron-edge/squadron/deploy/link"
	"github.com/squadron-edge/squadron/deploy/wire"
)

const deviceSecret = "a fleet's secret, of 32 characters"

func TestWithACertificateBothPortsSpeakTLS(t *testing.T) {
	b := newBench(t)
	roots := b.certify()
	c := b.serveTLS()

	web := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	answer, err := web.Get("https://" + c.HTTPAddr() + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	if text := readAll(t, answer); answer.StatusCode != http.StatusOK || !strings.Contains(text, "true") {
		t.Errorf("%s %s", answer.Status, text)
	}

	cam := wire.Device{Site: "plant", ID: "cam-1"}
	l, err := link.New(link.Options{
		Broker: "ssl://" + c.BrokerAddr(), TLS: &tls.Config{RootCAs: roots}, ClientID: cam.String(),
		Username: cam.String(), Password: broker.Token(deviceSecret, cam), Topics: []string{cam.Topic(wire.KindDesired)},
	})
	if err != nil {
		t.Fatal(err)
	}
	background(t, l.Run)
	if change := <-l.Changes(); !change.Up {
		t.Error(change.Err)
	}
}

func TestAttackOnTLS(t *testing.T) {
	b := newBench(t)
	roots := b.certify()
	c := b.serveTLS()
	for _, addr := range []string{c.HTTPAddr(), c.BrokerAddr()} {
		for name, config := range map[string]*tls.Config{
			"an old version":          {RootCAs: roots, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11},
			"an authority unheard of": {RootCAs: x509.NewCertPool()},
			"another name":            {RootCAs: roots, ServerName: "fleet.example"},
		} {
			if conn, err := tls.Dial("tcp", addr, config); err == nil {
				t.Errorf("%s: %s was taken, %v", addr, name, conn.Close())
			}
		}
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		// A CONNECT without TLS is no handshake: the connection ends, and no CONNACK comes.
		_, err = conn.Write([]byte("\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01r"))
		said, readErr := io.ReadAll(conn)
		if err = errors.Join(err, conn.Close()); err != nil || strings.HasPrefix(string(said), "\x20\x02") {
			t.Errorf("%s in clear: it said %q, %v, %v", addr, said, err, readErr)
		}
	}
}

func TestACertificateThatCannotServeIsRefused(t *testing.T) {
	b := newBench(t)
	b.certify()
	half := b.tlsConfig()
	half.TLSKeyFile = ""
	if err := half.Validate(); err == nil || !strings.Contains(err.Error(), "give both, or neither") {
		t.Errorf("half a pair: %v", err)
	}
	wrong := b.tlsConfig()
	wrong.TLSKeyFile = wrong.Trust
	if _, err := controller.New(t.Context(), wrong); err == nil || !strings.Contains(err.Error(), "tls_key_file "+wrong.Trust) {
		t.Errorf("a key that is none: %v", err)
	}
	open := b.tlsConfig()
	open.MQTT, open.DeviceSecret = "0.0.0.0:0", ""
	if err := open.Validate(); err == nil || !strings.Contains(err.Error(), "device_secret") {
		t.Errorf("TLS for all without a secret: %v", err)
	}
}

func (b *bench) tlsConfig() controller.Config {
	cfg := b.config()
	cfg.TLSCertFile, cfg.TLSKeyFile = filepath.Join(b.dir, "cert.pem"), filepath.Join(b.dir, "key.pem")
	cfg.DeviceSecret = deviceSecret
	return cfg
}

func (b *bench) serveTLS() *controller.Controller {
	b.t.Helper()
	c, err := controller.New(b.t.Context(), b.tlsConfig())
	if err != nil {
		b.t.Fatal(err)
	}
	background(b.t, c.Run)
	return c
}

// certify writes a certificate for 127.0.0.1 that vouches for itself, and its
// key.
func (b *bench) certify() *x509.CertPool {
	b.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		b.t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		b.t.Fatal(err)
	}
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})
	err = errors.Join(
		os.WriteFile(filepath.Join(b.dir, "cert.pem"), certPEM, 0o644),
		os.WriteFile(filepath.Join(b.dir, "key.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600))
	if err != nil {
		b.t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(certPEM)
	return roots
}
