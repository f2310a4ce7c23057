package client

import "context"

// These operations are about the deployment, not an organization; they are
// public, and send no token.

func public(path string) request {
	r := get(path)
	r.public = true
	return r
}

// GetDocument reads the OpenAPI document the server answers by, as YAML.
func (c *Client) GetDocument(ctx context.Context, opts ...ReadOption) (string, error) {
	return c.readText(ctx, public(directoryPath+"/openapi.yaml"), opts)
}

// GetHealth asks whether the process lives.
func (c *Client) GetHealth(ctx context.Context, opts ...ReadOption) (string, error) {
	return c.readText(ctx, public("/healthz"), opts)
}

// GetReadiness asks whether requests can be served. Where they cannot, the error
// says why, at once: waiting is for the caller to decide.
func (c *Client) GetReadiness(ctx context.Context, opts ...ReadOption) (string, error) {
	r := public("/readyz")
	r.once = true
	return c.readText(ctx, r, opts)
}

// GetMetrics reads the Prometheus metrics.
func (c *Client) GetMetrics(ctx context.Context, opts ...ReadOption) (string, error) {
	return c.readText(ctx, public("/metrics"), opts)
}
