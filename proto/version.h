/* version - which wire this build speaks.  Raised by a release that says something its predecessor
 * does not know; two versions that differ by one work together (proto/README.md, "Upgrades"). */
#ifndef PROTO_VERSION_H
#define PROTO_VERSION_H

/* 1: the frozen one, which did not say it. */
#define WIRE_VERSION 2

#endif
