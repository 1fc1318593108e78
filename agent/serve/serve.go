// Package serve is the inference API of a device: a picture in, labels out, and
// the models behind it exchanged while it answers.
//
// It owns the table of models that serve (Models), their exchange without a
// request lost or answered by the wrong version, what is counted of them, and
// the HTTP API. It refuses to decide which model serves, and to answer more
// requests at once than a small board bears: those get 503 and may try again.
//
// Vocabulary: a model serves from its activation until it retires; a retired
// one drains: its session closes when its last request ends. A shadow reads what
// the model of its name that serves has read, and answers nobody. An inference is
// one picture that reached a model; it is an error if the model or its engine
// failed on it, and never because the picture was bad.
//
//	POST /v1/predict/{model}  a PNG or JPEG → {"model","version","digest","engine","labels":[{"label","score"}],"took_ms"}
//	GET  /v1/models           what serves, on which engine and why, counts, latencies
//	GET  /healthz             200 while the agent runs
//
// Every refusal is {"error":"sentence"}.
//
// A picture arrives whole before it takes a turn. What the API holds is bounded:
// 64 MiB of pictures' files, however many arrive; of decoded pictures, one that
// is larger than full HD; 512 connections. Twenty at once of the worst that the
// bounds on a picture admit (16 million pixels, a progressive JPEG in CMYK, in
// files of 15 MiB) took the process to 526 MiB, and 16-bit PNGs to 151 MiB:
// BenchmarkTwentyLargePictures, on amd64, with a model of no size.
//
//	models := serve.NewModels(log)
//	defer models.Close()
//	go func() { done <- serve.New(models, log).Run(ctx, listener) }()
//	err := models.Activate(serve.Model{Name: "meter-reader", Version: "2.0.0", …})
package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// Bounds on what the API does at once and how long it waits. Of the decoded
// pictures, a large one takes some 400 MiB at worst while it is decoded: of a
// progressive CMYK JPEG, package image/jpeg keeps four coefficients of four bytes
// a pixel, and its planes twice. So there is one of them at a time; beside it
// runs a picture of up to full HD, for which the same is 50 MiB.
const (
	maxAdmitted = 16      // pictures that wait or run
	maxRunning  = 2       // of those, decoded or on the engine
	largePixels = 2 << 20 // more than full HD has

	readHeaderTimeout = 5 * time.Second
	writeTimeout      = 60 * time.Second // from the header's end to the answer's
	idleTimeout       = 2 * time.Minute
	drainTimeout      = 10 * time.Second
	maxHeaderBytes    = 16 << 10
)

// Server answers the inference API. Its zero value is of no use; see New.
type Server struct {
	models   *Models
	log      *slog.Logger
	intake   intake
	admitted chan struct{}
	large    chan struct{} // taken before running
	running  chan struct{}
	sights   chan sight // what shadows are shown; holds one
}

// New prepares a server of the given models, which stay the caller's.
func New(models *Models, log *slog.Logger) *Server {
	return &Server{
		models:   models,
		log:      log,
		admitted: make(chan struct{}, maxAdmitted),
		large:    make(chan struct{}, 1),
		running:  make(chan struct{}, maxRunning),
		sights:   make(chan sight, 1),
	}
}

// Run answers on the listener, and closes it, until ctx ends; then it lets the
// requests under way end, for ten seconds, and returns nil if they did.
func (s *Server) Run(ctx context.Context, l net.Listener) error {
	server := &http.Server{
		Handler:           s.Handler(),
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ConnState:         new(connections).changed,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	ctx, end := context.WithCancel(ctx)
	var shadows sync.WaitGroup
	defer shadows.Wait()
	defer end()
	shadows.Go(func() { s.runShadows(ctx) })
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve inference on %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer cancel()
	err := server.Shutdown(drain)
	if err != nil {
		err = errors.Join(fmt.Errorf("serve inference on %s: requests were still running after %s: %w", l.Addr(), drainTimeout, err), server.Close())
	}
	<-ended // http.ErrServerClosed, by Shutdown
	return err
}

// Handler is the API itself.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/predict/{model}", s.predict)
	mux.HandleFunc("GET /v1/models", s.list)
	mux.HandleFunc("GET /healthz", s.health)
	mux.HandleFunc("/", s.elsewhere)
	return mux
}

func (s *Server) list(w http.ResponseWriter, _ *http.Request) {
	s.answer(w, http.StatusOK, struct {
		Models []Status `json:"models"`
	}{s.models.Status()})
}

func (s *Server) health(w http.ResponseWriter, _ *http.Request) {
	s.answer(w, http.StatusOK, struct {
		OK      bool `json:"ok"`
		Serving int  `json:"models_serving"`
	}{true, s.models.serving()})
}

func (s *Server) elsewhere(w http.ResponseWriter, r *http.Request) {
	s.refuse(w, http.StatusNotFound, fmt.Errorf(
		"there is no %s %.80q here: POST a picture to /v1/predict/{model}, or GET /v1/models or /healthz", r.Method, r.URL.Path))
}
