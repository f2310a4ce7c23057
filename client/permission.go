package client

import "context"

// CatalogueEntry is one permission of the organization's catalogue.
type CatalogueEntry struct {
	Permission  Permission `json:"permission"`
	Description string     `json:"description"`
	BuiltIn     bool       `json:"built_in"`
	// Version is 0 for built-in entries.
	Version int64 `json:"version"`
}

// ListPermissions lists the catalogue. It is one page.
func (c *Client) ListPermissions(ctx context.Context, opts ...ReadOption) (*List[CatalogueEntry], error) {
	return list[CatalogueEntry](ctx, c, directoryPath+"/permissions", nil, opts)
}

// AddPermission adds to the catalogue.
func (c *Client) AddPermission(ctx context.Context, p PermissionAdd, opts ...WriteOption) (*Outcome[CatalogueEntry], error) {
	return write[CatalogueEntry](ctx, c, post(directoryPath+"/permissions", p), opts)
}

// UpdatePermission changes the description of an entry that is not built in.
func (c *Client) UpdatePermission(ctx context.Context, p Permission, description string, opts ...WriteOption) (*Outcome[CatalogueEntry], error) {
	body := struct {
		Description string `json:"description"`
	}{description}
	return write[CatalogueEntry](ctx, c, patch(at("permissions", p), body), opts)
}

// RemovePermission removes an entry that nobody holds.
func (c *Client) RemovePermission(ctx context.Context, p Permission, opts ...WriteOption) (*Outcome[Gone], error) {
	return write[Gone](ctx, c, del(at("permissions", p)), opts)
}
