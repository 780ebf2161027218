package report

// Pause is what happens between two looks at files that do not agree.
var Pause = &pause
