"""Mode coverage once more: plain Python, one sample at a time, fractions where they are possible."""

import math
from fractions import Fraction


def mode_coverage(modes, accepted, prior):
    """Figures of N samples, each with a mode and a verdict; `prior` holds Fractions."""
    kept = [mode for mode, is_accepted in zip(modes, accepted, strict=True) if is_accepted]
    counts = [sum(1 for mode in kept if mode == k) for k in range(len(prior))]
    needed = [max(Fraction(2), Fraction(1, 10) * len(modes) * frequency) for frequency in prior]
    covered = [k for k, count in enumerate(counts) if count >= needed[k]]
    result = {
        "num_samples": len(modes),
        "num_modes": len(prior),
        "covered_modes": len(covered),
        "covered": covered,
        "high_quality": len(kept) / len(modes) if modes else 0.0,
    }
    if not kept:
        nothing = {
            "effective_modes": 0.0,
            "kl": None,
            "kl_floor": None,
            "kl_plug_in": None,
            "shares": [0.0] * len(prior),
        }
        return result | nothing
    present = [k for k, count in enumerate(counts) if count]
    shares = [Fraction(count, len(kept)) for count in counts]
    miller = Fraction(len(present) - 1, 2 * len(kept))
    entropy = -sum(float(shares[k]) * math.log(shares[k]) for k in present)
    divergence = sum(float(shares[k]) * math.log(shares[k] / prior[k]) for k in present)
    return result | {
        "effective_modes": min(len(prior), len(kept), math.exp(entropy + miller)),
        "kl": max(0.0, divergence - miller),
        "kl_floor": min(math.log(len(prior)), (len(prior) - 1) / (2 * len(kept))),
        "kl_plug_in": divergence,
        "raw_modes": len(present),
        "effective_modes_ceiling": math.exp(-sum(float(p) * math.log(p) for p in prior)),
        "shares": [float(share) for share in shares],
    }


def asked_for(modes, accepted, labels, num_classes):
    """How often samples are of the class that was asked for, counted one by one."""
    judged = [(mode == label, label) for mode, taken, label in zip(modes, accepted, labels, strict=True) if taken]
    right = [label for is_right, label in judged if is_right]
    return {
        "asked_for": len(right) / len(judged),
        "asked_for_all": len(right) / len(modes),
        "asked_for_by_class": [
            right.count(label) / sum(asked == label for _, asked in judged) for label in range(num_classes)
        ],
    }
