package wire

import (
	"log/slog"
	"net/http"
)

// NewServer returns an HTTP server whose every wait and size is bounded. What
// net/http has to say goes to the logger.
func NewServer(handler http.Handler, logger *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		// net/http adds 4 KB of its own to what is asked for, and on a connection
		// that is used again up to 4 KB that it had read ahead.
		MaxHeaderBytes: MaxHeader - 4<<10,
		ErrorLog:       slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
	}
}
