import Glibc

func ftruncateFails(_ descriptor: Int32) -> Bool { ftruncate(descriptor, 0) == -1 }
