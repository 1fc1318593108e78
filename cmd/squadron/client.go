package main

import (
	"errors"
	"fmt"
	"net/http"
	"os/user"

	"github.com/squadron-edge/squadron/cmd/exit"
	"github.com/squadron-edge/squadron/controller/api"
)

// controllerFlags say which controller a command talks to.
type controllerFlags struct {
	Controller controllerURL `help:"Address of the controller. Without it: ${default}." env:"SQUADRON_CONTROLLER" default:"http://127.0.0.1:8080" placeholder:"URL"`
	Token      string        `placeholder:"TOKEN" help:"The operator's token, where the controller wants one." env:"SQUADRON_TOKEN"`
}

func (f controllerFlags) client() *api.Client {
	return api.NewClient(string(f.Controller), f.Token, whoami())
}

// remote gives an error of the controller its exit status, and what to do next;
// list is the command that shows what could have been asked for, if any.
func remote(err error, list string) error {
	var unreachable *api.UnreachableError
	var refused *api.RefusedError
	switch {
	case errors.As(err, &unreachable):
		return exit.AsUnreachable(fmt.Errorf("%w; start one with squadron controller, or say where it is with --controller or SQUADRON_CONTROLLER", err))
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
