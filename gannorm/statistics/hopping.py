"""temporary"""
from typing import NamedTuple
import numpy as np
from scipy.stats import chi2, binom
from gannorm.statistics.entropy import miller_madow
class Hopping(NamedTuple):
    index: float
    p_value: float
def hopping_index(counts):
    counts=counts[counts.sum(1)>0]
    n=counts.sum(1); p=counts/n[:,None]; m=p.mean(0); tot=n.sum()
    h=-(m[m>0]*np.log(m[m>0])).sum()+((m>0).sum()-1)/(2*tot)
    idx=h-float(np.mean(miller_madow(counts)))
    pool=counts.sum(0)/tot
    with np.errstate(divide='ignore',invalid='ignore'):
        kl=np.where(p>0,p*np.log(p/pool),0).sum(1)
    g=2*(n*kl).sum(); df=((pool>0).sum()-1)*(len(n)-1)
    return Hopping(idx, float(chi2.sf(g,df)) if df>0 else 1.0)
def expected_entropy(prior,n):
    tot=0.
    seen=0.
    for v,mult in zip(*np.unique(np.asarray(prior),return_counts=True)):
        sd=np.sqrt(n*v)+1
        c=np.arange(max(0,int(n*v-10*sd)),min(n,int(n*v+10*sd))+1)
        w=binom.pmf(c,n,v); q=c/n
        tot+=mult*(w*np.where(c>0,-q*np.log(np.maximum(q,1e-300)),0)).sum()
        seen+=mult*(1-(1-v)**n)
    return tot+(seen-1)/(2*n)
