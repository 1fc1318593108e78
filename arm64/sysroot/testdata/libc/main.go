// Libc uses the C library in each way that can go wrong between one glibc and
// another: a C constructor that runs before main, data taken from libc, threads,
// the C resolver and the user database. It exits 0 if all of it works.
package main

/*
#include <stdio.h>

static int constructed;

// Old libraries with a newer crt1 link well and never call this.
__attribute__((constructor)) static void construct(void) { constructed = 1; }

static int was_constructed(void) { return constructed; }

// stderr is data of libc's, not a function, and is linked another way.
static int say(void) { return fputs("libc: C writes\n", stderr); }
*/
import "C"

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/user"
)

func main() {
	if err := try(); err != nil {
		fmt.Fprintln(os.Stderr, "libc:", err)
		os.Exit(1)
	}
}

func try() error {
	if C.was_constructed() == 0 {
		return errors.New("the C constructor did not run before main")
	}
	if C.say() < 0 {
		return errors.New("C cannot write to stderr")
	}
	if _, err := user.LookupId("0"); err != nil {
		return err
	}
	resolver := net.Resolver{PreferGo: false}
	_, err := resolver.LookupHost(context.Background(), "localhost")
	return err
}
