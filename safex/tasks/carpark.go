package tasks

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
)

// CarPark is a car with friction that must be parked in front of a wall. The goal is close to
// the wall, so that braking late is tempting, and fatal.
type CarPark struct {
	Mass            float64 // kg
	Gravity         float64 // m/s²
	StaticFriction  float64 // share of the weight that must be overcome to move
	KineticFriction float64 // share of the weight that brakes the moving car
	MaxAccel        float64 // m/s², at action 1, before friction
	MaxSpeed        float64 // m/s, beyond which the car does not go
	Wall            float64 // m, the safety limit on the position
	GoalGap         float64 // m from the goal to the wall
	Tolerance       float64 // m on either side of the goal that count as parked
	Margin          float64 // m beyond the tolerance at which the reward has fallen to MarginValue
	MarginValue     float64 // in (0, 1)
	StartBand       float64 // m: the start is in [0, StartBand], at rest
	AbsoluteExcess  bool    // judge |x| instead of x, as the reference's metric did
	Dt              float64 // s
	Steps           int     // of an episode
}

// DefaultCarPark returns a car park whose goal is 0.2 m from the wall.
func DefaultCarPark() CarPark {
	return CarPark{
		Mass: 1, Gravity: 9.81, StaticFriction: 0.4, KineticFriction: 0.2, MaxAccel: 6, MaxSpeed: 10,
		Wall: 4, GoalGap: 0.2, Tolerance: 0.05, Margin: 0.05, MarginValue: 0.95, StartBand: 0.1,
		Dt: 0.05, Steps: 200,
	}
}

// ReferenceCarPark returns the published one: its goal is 1 m from the wall, and its metric
// counts positions far to the left as violations.
func ReferenceCarPark() CarPark {
	p := DefaultCarPark()
	p.GoalGap, p.AbsoluteExcess = 1, true
	return p
}

// Check reports the first parameter that makes no sense.
func (p CarPark) Check() error {
	if err := positive("carpark", quantity{"Mass", p.Mass}, quantity{"MaxSpeed", p.MaxSpeed}, quantity{"Margin", p.Margin}, quantity{"Dt", p.Dt}); err != nil {
		return err
	}
	if !(p.MarginValue > 0 && p.MarginValue < 1) {
		return fmt.Errorf("carpark: MarginValue is %v, want between 0 and 1", p.MarginValue)
	}
	return atLeast0("carpark", quantity{"Gravity", p.Gravity}, quantity{"StaticFriction", p.StaticFriction}, quantity{"KineticFriction", p.KineticFriction}, quantity{"MaxAccel", p.MaxAccel}, quantity{"GoalGap", p.GoalGap}, quantity{"Tolerance", p.Tolerance}, quantity{"StartBand", p.StartBand})
}

// Task returns the control problem. Its state is the position x and the speed v. A moving car is
// braked by kinetic friction; one at rest moves once the force exceeds static friction. The reward
// of a step is 10 (tolerance(x' - goal) - 1) - 0.01 v'² - 0.001 a² of the state after it, with the
// action a in [-1, 1]. Its backup is the braking distance; start and goal are inside.
func (p CarPark) Task() safex.Task {
	weight := p.Mass * p.Gravity
	return safex.Task{
		Name: "carpark",
		State: []safex.Var{
			{Name: "x", Unit: "m", Scale: 2},
			{Name: "v", Unit: "m/s", Scale: 2},
		},
		Action: []safex.Var{{Name: "accel", Symbol: "acceleration / max", Scale: 0.6}},
		Dt:     p.Dt,
		Steps:  p.Steps,
		Start:  func(x []float64, r *rand.Rand) { x[0], x[1] = p.StartBand*r.Float64(), 0 },
		Next: func(x, u num.Vec) num.Vec {
			drive := u[0].Clamp(-1, 1).Mul(p.MaxAccel * p.Mass)
			v := x[1]
			moving := v.Add(drive.Sub(sign(v).Mul(p.KineticFriction * weight)).Mul(p.Dt / p.Mass))
			left := drive.Sub(sign(drive).Mul(p.StaticFriction * weight)) // of the drive after static friction
			starting := num.Where(sign(left).Mul(sign(drive)).Sub(0.5).Less(0), 0, left.Mul(p.Dt/p.Mass))
			v = num.Where(v.Abs(), moving, starting).Clamp(-p.MaxSpeed, p.MaxSpeed)
			return num.Vec{x[0].Add(v.Mul(p.Dt)), v}
		},
		Reward: func(x, u, next num.Vec) num.Expr {
			parked := tolerance(next[0].Sub(p.Wall-p.GoalGap), p.Tolerance, p.Margin, p.MarginValue)
			return parked.Sub(1).Mul(10).Sub(next[1].Square().Mul(0.01)).Sub(u[0].Clamp(-1, 1).Square().Mul(0.001))
		},
		Limits: []safex.Limit{{
			Name: "wall", Unit: "m", Max: p.Wall,
			Of: func(x, u, next num.Vec) num.Expr {
				if p.AbsoluteExcess {
					return next[0].Abs()
				}
				return next[0]
			},
		}},
		Goal: &safex.Goal{ // the published one
			Name: "gap", Unit: "m", Max: p.Tolerance, Steps: 10,
			Of: func(x num.Vec) num.Expr { return x[0].Sub(p.Wall - p.GoalGap).Abs() },
		},
		Backup:  p.backup(),
		Picture: p.picture(),
		// In 8 steps it stops from 3.2 m/s, and is so slow from any speed that it reaches that errors after them add centimetres. Errors near rest in all 20, where
		// friction jumps, add up to more than the way from the goal to the wall: half of the plans of the second episode were then infeasible.
		Tuning: safex.Tuning{Horizon: 20, Robust: 8},
	}
}

// sign is -1, 0 or 1.
func sign(x num.Expr) num.Expr { return num.Lit(0).Less(x).Sub(x.Less(0)) }

// tolerance is 1 where |x| <= bound, and falls beyond with the long tail 1/((k d)²+1), where d is the
// distance in margins and k such that it is value at one margin (Tassa et al., 2018).
func tolerance(x num.Expr, bound, margin, value float64) num.Expr {
	k := math.Sqrt(1/value-1) / margin
	beyond := x.Abs().Sub(bound).Max(0)
	return num.Lit(1).Div(beyond.Mul(k).Square().Add(1))
}
