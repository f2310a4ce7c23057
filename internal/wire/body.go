package wire

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Decode reads the body of r, as strictly as DecodeBytes, into what v points to.
// A limit of 0 means that of the route. The body must be there, unless the
// options say otherwise, and of a type they allow: application/json.
func Decode(r *http.Request, limit int64, v any, options ...Option) error {
	o := settings(options)
	body, err := ReadBody(r, limit)
	if err != nil {
		return err
	}
	if len(bytes.TrimSpace(body)) == 0 {
		if o.optionalBody {
			return nil
		}
		return invalid(CodeBodyRequired, "", "This request needs a JSON object as its body, and the body is empty.")
	}
	if err := checkMediaType(r, o.mediaTypes); err != nil {
		return err
	}
	return decode(body, v, o)
}

// ReadBody returns the whole body of r and puts it back, so that what a
// signature was checked against is what is decoded later.
func ReadBody(r *http.Request, limit int64) ([]byte, error) {
	if limit <= 0 {
		if limit = EventOf(r.Context()).bodyLimit; limit <= 0 {
			limit = MaxBody
		}
	}
	// A compressed body may be a bomb, and no client of ours sends one.
	if encodings := r.Header.Values("Content-Encoding"); len(encodings) > 1 ||
		len(encodings) == 1 && encodings[0] != "" && !strings.EqualFold(encodings[0], "identity") {
		return nil, invalid(CodeUnsupportedMediaType, "Content-Encoding",
			"Compressed bodies are not taken; send the body as it is, without Content-Encoding.")
	}
	if r.Body == nil || r.Body == http.NoBody {
		return nil, nil
	}
	if r.ContentLength > limit {
		return nil, bodyTooLarge(limit)
	}
	buffer := bytes.NewBuffer(make([]byte, 0, max(r.ContentLength, 0)+bytes.MinRead))
	if _, err := buffer.ReadFrom(io.LimitReader(r.Body, limit+1)); err != nil {
		if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
			return nil, bodyTooLarge(tooLarge.Limit)
		}
		return nil, invalid(CodeBodyUnreadable, "", "The body could not be read to its end; send the request again.").Caused(err)
	}
	body := buffer.Bytes()
	if int64(len(body)) > limit {
		return nil, bodyTooLarge(limit)
	}
	r.Body = replay{bytes.NewReader(body), r.Body}
	return body, nil
}

// replay reads from memory and closes the connection's body.
type replay struct {
	io.Reader
	io.Closer
}

func bodyTooLarge(limit int64) error {
	return invalid(CodeBodyTooLarge, "", "The body is larger than "+sizeText(limit)+"; send less at a time.")
}

func sizeText(n int64) string {
	switch {
	case n >= 1<<20 && n%(1<<20) == 0:
		return strconv.FormatInt(n>>20, 10) + " MB"
	case n >= 1<<10 && n%(1<<10) == 0:
		return strconv.FormatInt(n>>10, 10) + " KB"
	default:
		return strconv.FormatInt(n, 10) + " bytes"
	}
}

// checkMediaType takes a missing Content-Type for the first of the allowed: the
// body says by itself whether it is JSON, and simple clients leave it out.
func checkMediaType(r *http.Request, allowed []string) error {
	headers := r.Header.Values("Content-Type")
	if len(headers) == 0 || len(headers) == 1 && headers[0] == "" {
		return nil
	}
	mediaType, parameters, err := mime.ParseMediaType(headers[0])
	charset, given := parameters["charset"]
	if len(headers) > 1 || err != nil || !slices.Contains(allowed, mediaType) || given && !strings.EqualFold(charset, "utf-8") {
		return invalid(CodeUnsupportedMediaType, "Content-Type",
			fmt.Sprintf("Send the body as %s in UTF-8.", strings.Join(allowed, " or ")))
	}
	return nil
}
