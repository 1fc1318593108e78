package bucket

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
)

// Config names a bucket; the zero Config is none.
type Config struct {
	Endpoint    string // https://host, or http:// on this machine
	Name        string
	Region      string // empty lets the store tell
	Credentials Credentials
}

// Credentials are what a store's administrator hands out for the bucket.
type Credentials struct {
	AccessKeyID     string `json:"access_key_id"`
	SecretAccessKey string `json:"secret_access_key"`
}

// Validate refuses half a pair.
func (c Credentials) Validate() error {
	if c.AccessKeyID == "" || c.SecretAccessKey == "" {
		return errors.New(`want {"access_key_id": "…", "secret_access_key": "…"}, as the store's administrator hands them out`)
	}
	return nil
}

// As stores name them: the S3 documentation's rules for buckets, and what can
// stand in a signature's scope.
var (
	bucketName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]|\.[a-z0-9]){1,61}[a-z0-9]$`)
	regionName = regexp.MustCompile(`^[a-z0-9-]*$`)
)

// Validate says what is wrong, in the words of the controller's configuration.
func (c Config) Validate() error {
	if c == (Config{}) {
		return nil
	}
	if c.Endpoint == "" || c.Name == "" || c.Credentials == (Credentials{}) {
		return errors.New("s3_endpoint, s3_bucket and s3_credentials_file go together, and s3_region with them: give all three, or none")
	}
	if err := checkEndpoint(c.Endpoint); err != nil {
		return err
	}
	if !bucketName.MatchString(c.Name) || len(c.Name) > 63 {
		return fmt.Errorf("s3_bucket is %.80q: want a bucket's name, 3 to 63 lower-case letters, digits, hyphens and single dots", c.Name)
	}
	if !regionName.MatchString(c.Region) {
		return fmt.Errorf("s3_region is %.80q: want the bucket's region, such as eu-central-1, or leave it out and the store is asked", c.Region)
	}
	if err := c.Credentials.Validate(); err != nil {
		return fmt.Errorf("s3_credentials_file: %w", err)
	}
	return nil
}

func checkEndpoint(endpoint string) error {
	u, err := url.Parse(endpoint)
	switch {
	case err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "":
		return fmt.Errorf("s3_endpoint is %.80q: want the store's address, https://host or https://host:port", endpoint)
	case u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Path != "" && u.Path != "/":
		return fmt.Errorf("s3_endpoint is %.80q: want no path, password or query in it; the bucket is named by s3_bucket", u.Redacted())
	case u.Scheme == "http" && u.Hostname() != "localhost" && !net.ParseIP(u.Hostname()).IsLoopback():
		return fmt.Errorf("s3_endpoint is %.80q: models would travel in the clear, and it is not on this machine: use https://", endpoint)
	}
	return nil
}
