package api

import (
	"crypto/tls"
	"errors"
	"fmt"
)

// RefusedError is the controller's no, with its sentence and HTTP status.
type RefusedError struct {
	Status int
	Why    string
}

func (e *RefusedError) Error() string { return e.Why }

// Refuse makes a RefusedError of a status and a formatted sentence.
func Refuse(status int, format string, args ...any) error {
	return &RefusedError{Status: status, Why: fmt.Sprintf(format, args...)}
}

// UnreachableError says that no controller answered, or none that this machine
// may believe.
type UnreachableError struct {
	URL string
	Err error
}

func (e *UnreachableError) Error() string {
	var unverified *tls.CertificateVerificationError
	if errors.As(e.Err, &unverified) {
		return fmt.Sprintf("what answers at %s has no certificate that this machine accepts: %v", e.URL, unverified.Err)
	}
	return fmt.Sprintf("no controller answers at %s: %v", e.URL, e.Err)
}

func (e *UnreachableError) Unwrap() error { return e.Err }
