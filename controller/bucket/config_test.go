package bucket

import (
	"strings"
	"testing"
)

func TestConfigurationsThatAreRefused(t *testing.T) {
	good := Config{Endpoint: "https://s3.example", Name: "models", Credentials: Credentials{"id", "secret"}}
	for name, c := range map[string]struct {
		edit func(*Config)
		want string
	}{
		"no endpoint":            {func(c *Config) { c.Endpoint = "" }, "go together"},
		"no bucket":              {func(c *Config) { c.Name = "" }, "go together"},
		"no credentials":         {func(c *Config) { c.Credentials = Credentials{} }, "go together"},
		"a region alone":         {func(c *Config) { *c = Config{Region: "eu-central-1"} }, "go together"},
		"half a pair":            {func(c *Config) { c.Credentials.SecretAccessKey = "" }, `s3_credentials_file: want {"access_key_id"`},
		"a host alone":           {func(c *Config) { c.Endpoint = "s3.example" }, "want the store's address"},
		"another scheme":         {func(c *Config) { c.Endpoint = "s3://models" }, "want the store's address"},
		"a path":                 {func(c *Config) { c.Endpoint += "/models" }, "the bucket is named by s3_bucket"},
		"a query":                {func(c *Config) { c.Endpoint += "?x" }, "want no path, password or query"},
		"a password":             {func(c *Config) { c.Endpoint = "https://ada:pw@s3.example" }, "want no path, password or query"},
		"in the clear":           {func(c *Config) { c.Endpoint = "http://10.0.0.1:9000" }, "in the clear"},
		"in the clear, by name":  {func(c *Config) { c.Endpoint = "http://s3.example" }, "in the clear"},
		"a bucket in upper case": {func(c *Config) { c.Name = "Models" }, "3 to 63 lower-case letters"},
		"a bucket's path":        {func(c *Config) { c.Name = "models/a" }, "3 to 63 lower-case letters"},
		"two dots":               {func(c *Config) { c.Name = "a..b" }, "3 to 63 lower-case letters"},
		"a short bucket":         {func(c *Config) { c.Name = "ab" }, "3 to 63 lower-case letters"},
		"a long bucket":          {func(c *Config) { c.Name = strings.Repeat("a.", 40) + "a" }, "3 to 63 lower-case letters"},
		"a region with a space":  {func(c *Config) { c.Region = "eu central" }, "s3_region is"},
	} {
		bad := good
		c.edit(&bad)
		if err := bad.Validate(); err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "pw") {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
	for _, endpoint := range []string{"https://s3.example:9000/", "http://127.0.0.1:9000", "http://localhost:9000", "http://[::1]:9000", good.Endpoint} {
		c := good
		c.Endpoint = endpoint
		if err := c.Validate(); err != nil {
			t.Errorf("%s: %v", endpoint, err)
		}
		if b, err := Open(c, nil, nil); b == nil || err != nil {
			t.Errorf("%s: %v, %v", endpoint, b, err)
		}
	}
	if err := (Config{}).Validate(); err != nil {
		t.Error(err)
	}
}

// TestTheHostThatDevicesName is what a store's users expect, and no network is
// asked for it where the region is configured.
func TestTheHostThatDevicesName(t *testing.T) {
	for endpoint, want := range map[string]string{
		"https://s3.eu-central-1.amazonaws.com": "models.s3.eu-central-1.amazonaws.com",
		"https://s3.amazonaws.com":              "models.s3.eu-central-1.amazonaws.com",
		"https://store.example:9000":            "store.example:9000",
		"https://store.example/":                "store.example",
	} {
		c := Config{Endpoint: endpoint, Name: "models", Region: "eu-central-1", Credentials: Credentials{"id", "secret"}}
		b, err := Open(c, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := b.host(t.Context()); got != want {
			t.Errorf("%s: %s, want %s", endpoint, got, want)
		}
	}
}
