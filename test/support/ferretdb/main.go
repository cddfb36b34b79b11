// Command ferretdb is a MongoDB-protocol server for the tests: FerretDB, embedded, on SQLite files.
//
// It prints its URL when it listens and stops on SIGTERM. It reports nothing to anybody: the embedded
// package never runs the telemetry reporter.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/FerretDB/FerretDB/ferretdb"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: ferretdb <listen address> <data directory>")
		os.Exit(2)
	}
	if err := serve(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve(address, directory string) error {
	directory, err := filepath.Abs(directory)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(directory, 0o700); err != nil {
		return err
	}
	quiet := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	slog.SetDefault(quiet)
	server, err := ferretdb.New(&ferretdb.Config{
		Logger:   quiet,
		Listener: ferretdb.ListenerConfig{TCP: address},
		Handler:  "sqlite",
		// What is acknowledged outlives the process, which is what the tests kill, not the machine.
		SQLiteURL: "file:" + directory + "/?_pragma=synchronous(normal)",
	})
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	fmt.Println(server.MongoDBURI())
	return server.Run(ctx)
}
