package agent

import "github.com/squadron-edge/squadron/agent/slot"

// verified are the files that one refresh has verified, on their way to the disk:
// the network or a medium may hold it up between two of them, and who asks meanwhile
// what is known must neither wait nor see a part. It is trust.Files, for one
// goroutine.
type verified struct {
	disk  slot.Metadata
	files map[string][]byte
	names []string // of files, in the order of verification
	onto  bool     // the disk, at once
}

// Load implements trust.Files.
func (v *verified) Load(name string) ([]byte, error) {
	if b, ok := v.files[name]; ok {
		return b, nil
	}
	return v.disk.Load(name)
}

// Save implements trust.Files. Of several roots the last is kept.
func (v *verified) Save(name string, b []byte) error {
	if v.onto {
		delete(v.files, name)
		return v.disk.Save(name, b)
	}
	if v.files == nil {
		v.files = map[string][]byte{}
	}
	if _, again := v.files[name]; !again {
		v.names = append(v.names, name)
	}
	v.files[name] = b
	return nil
}

// keep puts them onto the disk, as what comes later.
func (v *verified) keep() error {
	v.onto = true
	for _, name := range v.names {
		if err := v.disk.Save(name, v.files[name]); err != nil {
			return err
		}
	}
	return nil
}
