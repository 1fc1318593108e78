package main

import (
	"fmt"

	"github.com/squadron-edge/squadron/cmd/config"
	"github.com/squadron-edge/squadron/controller"
)

// openS3Credentials reads the file that the configuration names.
func openS3Credentials(cfg *controller.Config) error {
	file := cfg.S3CredentialsFile
	if file == "" {
		return nil // Validate says what is missing
	}
	if err := config.ReadPrivate(file, &cfg.S3Credentials); err != nil {
		return fmt.Errorf("controller: s3_credentials_file: %w", err)
	}
	if err := cfg.S3Credentials.Validate(); err != nil {
		return fmt.Errorf("controller: s3_credentials_file %s: %w", file, err)
	}
	return nil
}
