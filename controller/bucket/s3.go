package bucket

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/squadron-edge/squadron/deploy/bundle"
)

// s3 is a bucket behind the S3 protocol.
type s3 struct {
	client *minio.Client
	name   string
}

// tries is how often the client asks in a row; Run owns the longer waits.
const tries = 3

func dial(c Config) (*s3, error) {
	u, err := url.Parse(c.Endpoint)
	if err != nil {
		return nil, fmt.Errorf("s3_endpoint: %w", err)
	}
	client, err := minio.New(u.Host, &minio.Options{
		Creds:  credentials.NewStaticV4(c.Credentials.AccessKeyID, c.Credentials.SecretAccessKey, ""),
		Secure: u.Scheme == "https", Region: c.Region, MaxRetries: tries,
	})
	if err != nil {
		return nil, fmt.Errorf("s3_endpoint %s: %w", c.Endpoint, err)
	}
	client.SetS3EnableDualstack(false) // AWS is asked, and named to devices, as it was configured
	return &s3{client, c.Name}, nil
}

// How long the store may take: for an answer, and for the bytes of an upload in
// bytes a second.
const (
	answerTime  = 5 * time.Minute
	slowestRate = 64 << 10
)

// prefix begins the key of an object, and its digest ends it.
const prefix = "sha256/"

func key(d bundle.Digest) string { return prefix + d.Hex() }

// list leaves out what is none of ours.
func (s *s3) list(ctx context.Context) (map[bundle.Digest]int64, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	have := map[bundle.Digest]int64{}
	for o := range s.client.ListObjectsIter(ctx, s.name, minio.ListObjectsOptions{Prefix: prefix, Recursive: true}) {
		if o.Err != nil {
			return nil, s.failed("list", o.Err)
		}
		hex := strings.TrimPrefix(o.Key, prefix)
		if d, err := bundle.ParseDigest("sha256:" + hex); err == nil {
			have[d] = o.Size
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, s.failed("list", err)
	}
	return have, nil
}

// put uploads an object in parts of 16 MiB, each with its MD5 for the store to
// check.
func (s *s3) put(ctx context.Context, d bundle.Digest, r io.Reader, size int64) error {
	ctx, cancel := context.WithTimeout(ctx, answerTime+time.Duration(size/slowestRate)*time.Second)
	defer cancel()
	_, err := s.client.PutObject(ctx, s.name, key(d), r, size, minio.PutObjectOptions{
		ContentType: "application/octet-stream", SendContentMd5: true,
	})
	return s.failed("write to", err)
}

func (s *s3) remove(ctx context.Context, d bundle.Digest) error {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	return s.failed("remove "+key(d)+" from", s.client.RemoveObject(ctx, s.name, key(d), minio.RemoveObjectOptions{}))
}

func (s *s3) address(ctx context.Context, method string, d bundle.Digest) (*url.URL, error) {
	return s.client.Presign(ctx, method, s.name, key(d), addressLife, nil)
}

func (s *s3) failed(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s bucket %s at %s: %w", what, s.name, s.client.EndpointURL().Host, err)
}
