package experiment

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/logs"
)

// A Log is a file of transitions that were recorded elsewhere, with its text as it was when it was chosen: what a run begins with is not changed by what
// becomes of the file. It is made by NewLog.
type Log struct {
	File   string // its name, without the folder
	SHA256 string // of its text

	text []byte
}

// NewLog is a log of that text. The folder of file is not kept.
func NewLog(file string, text []byte) Log {
	sum := sha256.Sum256(text)
	return Log{filepath.Base(file), hex.EncodeToString(sum[:]), text}
}

// Text is the text of the log; nil of one that was read with settings, and not with the run that keeps it.
func (l Log) Text() []byte { return l.text }

// WithText is the log with its text, which must be the one that it was made of.
func (l Log) WithText(text []byte) (Log, error) {
	if is := NewLog(l.File, text); is.SHA256 != l.SHA256 {
		return l, fmt.Errorf("it is not the log %s that the run began with: it was changed", l.File)
	}
	l.text = text
	return l, nil
}

// Words of Set for logs.
const (
	logWord   = "log"
	trustWord = "trust-log"
)

// Logged is the word for an agent that began with Logs, in the names of runs and methods.
const Logged = "logged"

// LogFiles are the names of the Logs, nil if there are none.
func (s *Spec) LogFiles() (files []string) {
	for _, l := range s.Logs {
		files = append(files, l.File)
	}
	return files
}

// Began says with which files of transitions an agent began, and that its numbers are without them; "" if with none.
func Began(files []string) string {
	if len(files) == 0 {
		return ""
	}
	return fmt.Sprintf("The agent began with transitions that were recorded elsewhere, and are in none of these numbers: %s.", strings.Join(files, ", "))
}

// useLogs chooses logs by their files, with commas between them; none if there is no file.
func (s *Spec) useLogs(files string) error {
	var all []Log
	for file := range strings.SplitSeq(files, ",") {
		if file = strings.TrimSpace(file); file == "" {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("log %s cannot be read: %w; name a file of transitions, with commas between several", file, err)
		}
		all = append(all, NewLog(file, text))
	}
	s.Logs = all
	return nil
}

// ReadLogs are the transitions of all Logs for a system of the Task, one log after the other; nil without Logs. The error names what is wrong with one.
func (s *Spec) ReadLogs(system *safex.System) (*logs.Log, error) {
	if len(s.Logs) == 0 {
		return nil, nil
	}
	c := logs.Default()
	c.Trust = s.TrustLogs
	var all []*logs.Log
	for _, l := range s.Logs {
		if l.text == nil {
			return nil, fmt.Errorf("the text of the log %s is not there: read the settings with their run, as store.Open does", l.File)
		}
		read, err := c.Read(system, l.File, l.text)
		if err != nil {
			return nil, err
		}
		all = append(all, read)
	}
	return logs.Join(all...), nil
}

// logged is the number of transitions of all Logs.
func (s *Spec) logged(system *safex.System) (int, error) {
	l, err := s.ReadLogs(system)
	if l == nil || err != nil {
		return 0, err
	}
	return l.Data.Len(), nil
}

// LogMark is what the name of a run says of its Logs: -logged where there are some, else nothing.
func (s *Spec) LogMark() string {
	if len(s.Logs) > 0 {
		return "-" + Logged
	}
	return ""
}
