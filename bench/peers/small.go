// The small route as Go's standard library answers it, with a log line for each request on standard output.
package main

import (
	"bufio"
	"encoding/json"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"time"
)

type status struct {
	Success bool              `json:"success"`
	Data    map[string]string `json:"data"`
}

// Lines are collected as the other servers collect theirs.
type collector struct {
	mutex  sync.Mutex
	output *bufio.Writer
}

func (c *collector) Write(line []byte) (int, error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.output.Write(line)
}

func main() {
	logger := slog.New(slog.NewJSONHandler(&collector{output: bufio.NewWriterSize(os.Stdout, 16*1024)}, nil))
	http.HandleFunc("/health/alive", func(answer http.ResponseWriter, request *http.Request) {
		startedAt := time.Now()
		answer.Header().Set("content-type", "application/json; charset=utf-8")
		_ = json.NewEncoder(answer).Encode(status{Success: true, Data: map[string]string{"status": "ok"}})
		logger.Info("request", "method", request.Method, "url", request.URL.Path, "ms", time.Since(startedAt).Milliseconds())
	})
	if err := http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil); err != nil {
		panic(err)
	}
}
