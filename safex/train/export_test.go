package train

// AwaitFit waits until the fit in the background is over, and tells whether there is one.
func (s *State) AwaitFit() bool {
	if s.fitting == nil {
		return false
	}
	<-s.fitting.done
	return true
}

// Settled tells whether no goroutine fits.
func (s *State) Settled() bool { return s.fitting == nil }
