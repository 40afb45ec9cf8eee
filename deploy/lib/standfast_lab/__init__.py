"""standfast_lab - a whole deployment on one machine, with the real peers around it.

Used by deploy/demo (loopback addresses, no root) and by tests/scenario/run (network namespaces).
Read in this order:

    clock.py       the one clock of all histories, and waiting with a deadline
    proc.py        processes: started here, stopped here, none left behind
    net.py         where they run: loopback addresses, or namespaces with a wan in the middle
    deployment.py  the hosts: YAML, hamgr init, run, status
    peers.py       Kamailio gateway, baresip phones, SIPp callers, headless agents
    history.py     merged histories of logs and captures, and what must always hold in them

Python 3.9 standard library only.  Single-threaded: whoever waits calls Lab.poll (lab.py).
"""
