//go:build race

package fused_test

func init() { racing = true }
