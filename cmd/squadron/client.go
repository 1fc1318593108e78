package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os/user"
	"strings"

	"github.com/squadron-edge/squadron/cmd/exit"
	"github.com/squadron-edge/squadron/controller/api"
)

// controllerFlags say which controller a command talks to.
type controllerFlags struct {
	Controller controllerURL `help:"Address of the controller. Without it: ${default}. With https:// and an authority of your own, SSL_CERT_FILE names the authority's PEM file." env:"SQUADRON_CONTROLLER" default:"http://127.0.0.1:8080" placeholder:"URL"`
	Token      string        `placeholder:"TOKEN" help:"The operator's token, where the controller wants one. Prefer the variable: others on this machine can read a command line." env:"SQUADRON_TOKEN"`
}

func (f controllerFlags) client() *api.Client {
	return api.NewClient(string(f.Controller), f.Token, whoami())
}

// remote gives an error of the controller its exit status, and what to do next;
// list is the command that shows what could have been asked for, if any.
func remote(err error, list string) error {
	var unreachable *api.UnreachableError
	var refused *api.RefusedError
	var unknown x509.UnknownAuthorityError
	var unverified *tls.CertificateVerificationError
	switch {
	case errors.As(err, &unknown):
		return exit.AsUnreachable(fmt.Errorf("%w; it is of an authority that this machine does not know: if it is yours, name its PEM file in the environment's SSL_CERT_FILE", err))
	case errors.As(err, &unverified):
		return exit.AsUnreachable(err)
	case errors.As(err, &unreachable):
		return exit.AsUnreachable(fmt.Errorf("%w; start one with squadron controller, or say where it is with --controller or SQUADRON_CONTROLLER", err))
	case errors.As(err, &refused) && strings.Contains(refused.Why, "HTTP request to an HTTPS server"): // net/http's words
		return exit.AsUsage(fmt.Errorf("%w; use https:// in --controller or SQUADRON_CONTROLLER", err))
	case errors.As(err, &refused) && refused.Status == http.StatusUnauthorized:
		return fmt.Errorf("%w; set the environment's SQUADRON_TOKEN to it, or give --token", err)
	case errors.As(err, &refused) && refused.Status == http.StatusNotFound && list != "":
		return fmt.Errorf("%w; %s shows which there are", err, list)
	}
	return err
}

// whoami names the person; empty if the system cannot tell.
func whoami() string {
	u, err := user.Current()
	if err != nil {
		return ""
	}
	return u.Username
}
