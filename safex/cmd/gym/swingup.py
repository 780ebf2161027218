"""A cart-pole in MuJoCo as the plant of swingup, with the masses and the motor of the DeepMind Control Suite's, hanging at first.

It needs MuJoCo alone: any simulator can be a plant in so many lines.
"""

import math
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "plant"))

import mujoco

import safex_plant

MODEL = """
<mujoco>
  <option timestep="0.01" integrator="RK4"><flag contact="disable"/></option>
  <worldbody>
    <body name="cart" pos="0 0 1">
      <joint name="slider" type="slide" axis="1 0 0" damping="5e-4"/>
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
        draw = random.Random(seed)
        mujoco.mj_resetData(self.model, self.data)
        self.data.qpos[:] = draw.uniform(-0.02, 0.02), math.pi + draw.uniform(-0.05, 0.05)
        self.data.qvel[:] = draw.uniform(-0.02, 0.02), draw.uniform(-0.05, 0.05)
        return self.see()

    def step(self, u):
        self.data.ctrl[0] = u[0]
        mujoco.mj_step(self.model, self.data, SUBSTEPS)
        return self.see()

    def see(self):
        (x, angle), (v, omega) = self.data.qpos, self.data.qvel
        return x, math.cos(angle), math.sin(angle), v, omega


safex_plant.serve(CartPole())
