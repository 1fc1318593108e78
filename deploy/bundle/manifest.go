// Package bundle is the unit that a publisher signs and a device runs: one
// manifest, and the files that it names by digest.
//
// It owns the manifest's format and its rules, and the bundle file (.sqb) that
// carries both between machines. It refuses to judge who signed: that is
// package trust's; and to unpack anything onto a disk: objects are streamed to
// the caller one by one, each bounded and checked.
//
// Vocabulary: an object is a run of bytes named by its SHA-256 (Digest); the
// envelope is the DSSE document that carries the manifest and its signatures;
// the digest of the envelope's bytes is the bundle's identity, the "running
// digest" of a device. Golden samples are pictures with what the model must
// make of them.
//
//	m, err := bundle.ParseManifest(payload) // after trust accepted the envelope
//	if err != nil {
//		return err
//	}
//	for _, f := range m.Files {
//		fetch(f.Digest, f.Size)
//	}
package bundle

// FormatVersion is the manifest's "v". A reader refuses any other.
const FormatVersion = 1

// Bounds on what a reader accepts.
const (
	MaxEnvelopeSize  = 1 << 20 // bytes of the envelope
	MaxFiles         = 1024    // files in one bundle
	MaxFileSize      = 4 << 30 // bytes of one file
	MaxLabels        = 65536
	MaxGoldenSamples = 512
)

// Manifest says what a bundle is, what it holds, how it is used, where it came
// from, what it fits and how a device proves that it works.
type Manifest struct {
	V       int    `json:"v"`
	Name    string `json:"name"`    // such as "meter-reader"; see ValidName
	Version string `json:"version"` // semantic version, without a leading v

	// Files lists every object of the bundle, sorted by path. In the signed
	// statement they are its subjects.
	Files []File `json:"-"`
	// Model is the path of the ONNX file.
	Model string `json:"model"`

	Pipeline   Pipeline   `json:"pipeline"`
	Fits       Fits       `json:"fits"`
	Golden     Golden     `json:"golden"`
	Provenance Provenance `json:"provenance"`
}

// Counterpart is the file of an older version that m's file f most likely came
// from, if it has other bytes: the model of the model, else that of the same path.
func (m *Manifest) Counterpart(f File, older *Manifest) (File, bool) {
	path := f.Path
	if path == m.Model {
		path = older.Model
	}
	base, ok := older.File(path)
	return base, ok && base.Digest != f.Digest
}

// File names one object and the path by which the manifest refers to it.
type File struct {
	Path   string // slash-separated, relative, clean, inside the bundle
	Digest Digest
	Size   int64 // bytes
}

// Pipeline says how a picture becomes the model's input and its output becomes
// labels.
type Pipeline struct {
	Input Input `json:"input"`
	// Scores says what the model's first output is: "logits" (a softmax makes
	// them probabilities) or "probabilities".
	Scores string `json:"scores"`
	// Labels names the classes, in the order of the model's output.
	Labels []string `json:"labels"`
	// TopK is how many labels an answer holds.
	TopK int `json:"top_k"`
}

// Input makes a tensor [1×C×Height×Width] of a picture: resize to Width×Height
// (bilinear), take the channels of Color, then (x·Scale − Mean[c]) / Std[c]
// with x in 0…255.
type Input struct {
	Width  int       `json:"width"`
	Height int       `json:"height"`
	Color  string    `json:"color"` // "gray", "rgb" or "bgr"
	Fit    string    `json:"fit"`   // "stretch", or "crop" (centre, keeping the aspect ratio)
	Scale  float32   `json:"scale"`
	Mean   []float32 `json:"mean"` // one a channel
	Std    []float32 `json:"std"`  // one a channel, none of them 0
}

// Fits says what a board must be. An empty list accepts any.
type Fits struct {
	Arch         []string `json:"arch,omitempty"`   // GOARCH, such as "arm64"
	Boards       []string `json:"boards,omitempty"` // SoC, such as "tegra210"
	MinMemoryMiB int      `json:"min_memory_mib,omitempty"`
}

// Golden holds the samples of the self-test that a device runs before it
// activates the model, on the engine that will serve.
type Golden struct {
	Samples []Sample `json:"samples"`
	// MinAgreement is the share of samples, 0…1, whose top label must be the
	// data set's: it catches a bad model.
	MinAgreement float64 `json:"min_agreement"`
	// Reference is the path of the reference engine's scores: little-endian
	// float32, [samples × labels], before any softmax. Empty without samples.
	Reference string `json:"reference"`
	// Tolerance bounds max|a−b| ÷ max|b| of each sample against the
	// reference: it catches a bad engine.
	Tolerance float64 `json:"tolerance"`
	// Measured is the agreement that packing saw on the reference engine.
	Measured float64 `json:"measured_agreement"`
	// AllowedFailing is true if the publisher packed the model although
	// Measured was below MinAgreement. A device runs the self-test all the same.
	AllowedFailing bool `json:"allowed_failing,omitempty"`
}

// Sample is one picture and the label that the data set gives it.
type Sample struct {
	Path  string `json:"path"`
	Label string `json:"label"`
}
