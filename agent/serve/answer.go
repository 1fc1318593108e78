package serve

import (
	"encoding/json"
	"net/http"
)

// answer writes v as JSON. What cannot be written has no reader any more.
func (s *Server) answer(w http.ResponseWriter, code int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		s.log.Error("encode an answer of the inference API", "error", err)
		http.Error(w, `{"error":"the answer could not be encoded"}`, http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(code)
	if _, err := w.Write(append(body, '\n')); err != nil {
		s.log.Debug("answer on the inference API", "error", err)
	}
}

// refuse answers with one sentence.
func (s *Server) refuse(w http.ResponseWriter, code int, err error) {
	if code == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	s.answer(w, code, struct {
		Error string `json:"error"`
	}{err.Error()})
}
