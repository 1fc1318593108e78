package photo

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goitalic"
	"golang.org/x/image/font/gofont/gomono"
	"golang.org/x/image/font/gofont/gomonobold"
	"golang.org/x/image/font/gofont/goregular"
)

// Family is a set of typefaces of one design and where they come from. The
// lists of files are fixed, so that a picture depends on the versions of the
// named packages and on nothing else that happens to be installed.
type Family struct {
	Name    string
	Package string // Debian package that holds the files
	Dir     string // below the font folder
	Files   []string

	embedded []file
}

type file struct {
	name string
	data []byte
}

// FontDir is where Debian installs TrueType fonts.
const FontDir = "/usr/share/fonts/truetype"

// GoFamily is compiled into the program: it needs no package.
var GoFamily = Family{Name: "Go", embedded: []file{
	{"GoRegular", goregular.TTF}, {"GoBold", gobold.TTF}, {"GoItalic", goitalic.TTF},
	{"GoMono", gomono.TTF}, {"GoMonoBold", gomonobold.TTF},
}}

// Seen are the families that a model learns from.
var Seen = []Family{
	GoFamily,
	{Name: "DejaVu", Package: "fonts-dejavu-core", Dir: "dejavu", Files: []string{
		"DejaVuSans.ttf", "DejaVuSans-Bold.ttf", "DejaVuSansMono.ttf", "DejaVuSansMono-Bold.ttf",
		"DejaVuSerif.ttf", "DejaVuSerif-Bold.ttf",
	}},
	{Name: "Liberation", Package: "fonts-liberation", Dir: "liberation", Files: []string{
		"LiberationSans-Regular.ttf", "LiberationSans-Bold.ttf", "LiberationSans-Italic.ttf", "LiberationSans-BoldItalic.ttf",
		"LiberationSansNarrow-Regular.ttf", "LiberationSansNarrow-Bold.ttf",
		"LiberationSansNarrow-Italic.ttf", "LiberationSansNarrow-BoldItalic.ttf",
		"LiberationMono-Regular.ttf", "LiberationMono-Bold.ttf",
		"LiberationSerif-Regular.ttf", "LiberationSerif-Bold.ttf",
	}},
}

// Unseen are the families that a model is judged on and never learns from:
// upright faces only. (Noto Serif Display is not among them: its hairlines are
// thinner than a pixel, and no meter has such digits.)
var Unseen = []Family{
	{Name: "FreeFont", Package: "fonts-freefont-ttf", Dir: "freefont", Files: []string{
		"FreeMono.ttf", "FreeMonoBold.ttf", "FreeSans.ttf", "FreeSansBold.ttf", "FreeSerif.ttf", "FreeSerifBold.ttf",
	}},
	{Name: "Noto", Package: "fonts-noto-core", Dir: "noto", Files: []string{
		"NotoSans-Regular.ttf", "NotoSans-Bold.ttf", "NotoSansDisplay-Regular.ttf",
		"NotoSansMono-Regular.ttf", "NotoSansMono-Bold.ttf",
		"NotoSerif-Regular.ttf", "NotoSerif-Bold.ttf",
	}},
}

// Load reads the faces of the families, in their order, from FontDir.
func Load(families ...Family) ([]*Face, error) { return LoadFrom(FontDir, families...) }

// LoadFrom is Load with another font folder. A file that is not there is an
// error that names the Debian package to install.
func LoadFrom(dir string, families ...Family) ([]*Face, error) {
	var faces []*Face
	for _, fam := range families {
		fonts, err := fam.fonts(dir)
		if err != nil {
			return nil, err
		}
		for _, f := range fonts {
			face, err := parseFace(fam.Name, f.name, f.data)
			if err != nil {
				return nil, err
			}
			faces = append(faces, face)
		}
	}
	return faces, nil
}

func (f Family) fonts(dir string) ([]file, error) {
	fonts := f.embedded
	for _, name := range f.Files {
		data, err := os.ReadFile(filepath.Join(dir, f.Dir, name))
		if err != nil {
			return nil, fmt.Errorf("read the typefaces of %s (Debian: apt-get install %s): %w", f.Name, f.Package, err)
		}
		fonts = append(fonts, file{name, data})
	}
	return fonts, nil
}
