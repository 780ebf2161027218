package plant

import (
	"errors"
	"runtime"
	"strings"
	"unicode"
)

// split is a command in words, as a shell splits it: between spaces, but for what single or double quotes hold, and what a backslash is before. Where
// paths are written with backslashes one is a letter.
func split(command string) (words []string, err error) {
	escapes := runtime.GOOS != "windows"
	var word strings.Builder
	begun, quote, escaped := false, rune(0), false
	for _, c := range command {
		switch {
		case escaped:
			word.WriteRune(c)
			escaped = false
		case c == '\\' && escapes && quote != '\'':
			begun, escaped = true, true
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(c)
		case c == '\'' || c == '"':
			begun, quote = true, c
		case unicode.IsSpace(c):
			if begun {
				words = append(words, word.String())
			}
			word.Reset()
			begun = false
		default:
			word.WriteRune(c)
			begun = true
		}
	}
	if quote != 0 || escaped {
		return nil, errors.New("the command ends within a quote, or with a backslash")
	}
	if begun {
		words = append(words, word.String())
	}
	return words, nil
}
