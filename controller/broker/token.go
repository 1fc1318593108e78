package broker

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"

	"github.com/squadron-edge/squadron/deploy/wire"
)

// Token is a device's password: base64url of HMAC-SHA256 (RFC 2104) of its
// name, "site/device", under the fleet's secret. Who has one device's token can
// be that device and no other; the secret needs enough chance that nobody
// guesses it from a token, 32 characters or more.
func Token(secret string, d wire.Device) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(d.String()))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}
