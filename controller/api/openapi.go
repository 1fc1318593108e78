package api

import (
	_ "embed"
	"fmt"
	"net/http"
)

//go:embed openapi.json
var openAPIDocument []byte

// openAPI serves the document that the package's tests hold to the routes and
// types.
func (h *handler) openAPI(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "application/json")
	if _, err := w.Write(openAPIDocument); err != nil {
		return fmt.Errorf("send answer: %w", err)
	}
	return nil
}
