"""The cart-pole of the DeepMind Control Suite as the plant of swingup, hanging at first.

It needs MuJoCo alone, and is dm_control's cartpole swingup to the bit: dm_swingup.py is the same from dm_control itself. Any simulator can be a
plant in so many lines.
"""

import math
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "plant"))

import mujoco
import numpy

import safex_plant

MODEL = """
<mujoco>
  <option timestep="0.01" integrator="RK4"><flag contact="disable"/></option>
  <worldbody>
    <body name="cart" pos="0 0 1">
      <joint name="slider" type="slide" axis="1 0 0" damping="5e-4" limited="true" range="-1.8 1.8" solreflimit=".08 1"/>
      <geom type="box" size=".2 .15 .1" mass="1"/>
      <body name="pole">
        <joint name="hinge" type="hinge" axis="0 1 0" damping="2e-6"/>
        <geom type="capsule" fromto="0 0 0 0 0 1" size=".045" mass=".1"/>
      </body>
    </body>
  </worldbody>
  <actuator><motor joint="slider" gear="10" ctrllimited="true" ctrlrange="-1 1"/></actuator>
</mujoco>
"""

SUBSTEPS = 4  # of 0.01 s


class CartPole:
    state, action, dt, repeats = ["x", "cos", "sin", "v", "omega"], ["force"], 0.01 * SUBSTEPS, True

    def __init__(self):
        self.model = mujoco.MjModel.from_xml_string(MODEL)
        self.data = mujoco.MjData(self.model)

    def reset(self, seed):
        draw = numpy.random.RandomState(seed).randn
        mujoco.mj_resetData(self.model, self.data)
        self.data.qpos[:] = 0.01 * draw(), math.pi + 0.01 * draw()
        self.data.qvel[:] = 0.01 * draw(2)
        return self.see()

    def step(self, u):
        self.data.ctrl[0] = u[0]
        mujoco.mj_step(self.model, self.data, SUBSTEPS)
        return self.see()

    def see(self):
        (x, angle), (v, omega) = self.data.qpos, self.data.qvel
        return x, math.cos(angle), math.sin(angle), v, omega


safex_plant.serve(CartPole())
