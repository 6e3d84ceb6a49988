"""The twin of a person: what is known, what comes, and what would happen if."""

from pollux.twins.answers import Comparison, Explanation, Forecast, Goals, Grounds, Measurement, Option, ParameterStory
from pollux.twins.twin import Twin

__all__ = [
    "Comparison",
    "Explanation",
    "Forecast",
    "Goals",
    "Grounds",
    "Measurement",
    "Option",
    "ParameterStory",
    "Twin",
]
