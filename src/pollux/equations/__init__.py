"""What a model is made of: states, parameters with priors, inputs, outputs, and the equations that join them."""

from pollux.equations.couple import Coupled, Pace, Wire, couple
from pollux.equations.domain import Domain, Range
from pollux.equations.model import Model
from pollux.equations.parts import Input, Output, Parameter, State
from pollux.equations.priors import Fixed, LogitNormal, LogNormal, Normal, Prior
from pollux.equations.reference import Reference
from pollux.equations.residual import Additive, Combined, ErrorModel, LogNormalError, Proportional, StudentT
from pollux.equations.route import Route
from pollux.equations.wander import Wander

__all__ = [
    "Additive",
    "Combined",
    "Coupled",
    "Domain",
    "ErrorModel",
    "Fixed",
    "Input",
    "LogNormal",
    "LogNormalError",
    "LogitNormal",
    "Model",
    "Normal",
    "Output",
    "Pace",
    "Parameter",
    "Prior",
    "Proportional",
    "Range",
    "Reference",
    "Route",
    "State",
    "StudentT",
    "Wander",
    "Wire",
    "couple",
]
